"""The admin API's endpoint for capacity planning."""
