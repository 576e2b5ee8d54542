"""The admin API's endpoints for jobs."""
