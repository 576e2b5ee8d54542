"""The admin API's endpoints for tenants."""
