"""The ledger: append-only entries, usage records, and the check that they agree."""
