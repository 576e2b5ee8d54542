"""Cleaning: every format character goes, whatever the Unicode version."""

import unicodedata

from guardrails.linear.fold import clean


def test_every_format_character_is_deleted() -> None:
    found = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) == "Cf"]
    assert len(found) > 100
    assert clean("a" + "b".join(found) + "c") == "a" + "b" * (len(found) - 1) + "c"
