"""The admin API's endpoints for savings and reconciliation."""
