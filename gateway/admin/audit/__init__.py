"""The admin API's endpoints for audit."""
