"""Reports from the ledger and the usage records: usage, billing, and their files."""
