"""FOCUS 1.2: charges as the rows that finance tools read, and a checker of the column rules.

``charge`` says what is billed in our words, ``rows`` in FOCUS's; ``export`` reads
the charges of a tenant's month; ``checker`` reads a file back (docs/focus.md).
"""
