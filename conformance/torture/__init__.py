"""Gateways are killed at random moments under mixed load; then the books must agree."""
