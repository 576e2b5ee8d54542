"""The admin API's endpoints for budgets."""
