"""The admin API's endpoints for overview."""
