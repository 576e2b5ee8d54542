"""Budgets: definitions and balances in the database, escrow in the process."""
