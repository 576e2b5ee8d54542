"""The admin API's endpoints for keys."""
