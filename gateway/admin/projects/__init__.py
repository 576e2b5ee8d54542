"""The admin API's endpoints for projects."""
