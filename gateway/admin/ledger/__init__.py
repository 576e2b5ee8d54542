"""The admin API's endpoints for the ledger."""
