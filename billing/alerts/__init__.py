"""Alerts of budgets: which thresholds were reached, and telling people and programs."""
