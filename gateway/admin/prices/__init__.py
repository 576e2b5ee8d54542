"""The admin API's endpoints for the price book."""
