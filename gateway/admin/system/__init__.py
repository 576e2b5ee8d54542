"""The admin API's endpoints for system."""
