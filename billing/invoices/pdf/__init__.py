"""Invoices as PDF pages. Loads reportlab: import it only where pages are made."""

from billing.invoices.pdf.pages import write_pdf

__all__ = ["write_pdf"]
