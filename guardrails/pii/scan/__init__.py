"""One pass over a text for the patterns of all recognizers."""

from guardrails.pii.scan.background import BackgroundScanner
from guardrails.pii.scan.scanner import Hit, PlainScanner, RuleScanner, Scanner

__all__ = ["BackgroundScanner", "Hit", "PlainScanner", "RuleScanner", "Scanner"]
