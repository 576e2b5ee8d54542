"""The admin API's endpoints for organisations and their budgets."""
