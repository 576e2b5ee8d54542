"""The admin API's endpoints for exports."""
