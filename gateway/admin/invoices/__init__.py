"""The admin API's endpoints for billing profiles, invoices and credit notes."""
