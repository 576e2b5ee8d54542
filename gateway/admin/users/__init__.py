"""The admin API's endpoints for users."""
