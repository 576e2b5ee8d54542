"""The admin API's endpoint for one request."""
