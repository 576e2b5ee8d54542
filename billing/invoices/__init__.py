"""Invoices and credit notes: who is billed, what stands on which invoice, and its files.

``service`` drafts and issues, ``credits`` credits, ``membership`` says which ledger
entries an invoice holds, ``files`` writes documents (docs/invoices.md).
"""
