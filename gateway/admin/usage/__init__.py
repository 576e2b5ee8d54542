"""The admin API's endpoints for usage."""
