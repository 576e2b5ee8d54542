"""The admin API's endpoints for a tenant's recognizers."""
