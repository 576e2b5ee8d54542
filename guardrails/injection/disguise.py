"""Undoing cheap disguises: base64, leetspeak, spaced-out letters, look-alike letters.

Each yields a further reading of the text which is judged like the text itself. Nothing is
yielded for ordinary text, which costs a look at the lengths of its words.
"""

import base64
import binascii
import re
from collections.abc import Iterator

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){16,}")
_SPACED = re.compile(r"(?:(?<!\w)\w[ .\-_*]){6,}\w(?!\w)")
_BETWEEN = re.compile(r"[ .\-_*]")
_LEET_WORD = re.compile(r"(?<!\w)[a-z]+[0134578@$!|][a-z0134578@$!|]*[a-z]", re.IGNORECASE)
_LEET = str.maketrans("0134578@$!|", "oieastbasil")
# Cyrillic and Greek letters that look Latin.
_LOOKALIKE = str.maketrans("аеорсухіјѕԁɡνοιαεκρτ", "aeopcyxijsdgvoiaekpt")
_MIXED = re.compile(r"[a-zA-Z][\u0370-\u052f]|[\u0370-\u052f][a-zA-Z]")
_MIN_LEET_WORDS = 2
_LONG_WORD, _SINGLES = 13, 6
_MAX_DECODED = 20_000


def readings(text: str) -> Iterator[str]:
    """Further readings of a disguised text; nothing for an ordinary one."""
    words = text.split()
    lengths = [*map(len, words)]
    longest = max(lengths, default=0)
    if longest >= 24:
        yield from _decoded(text)
    # What stands in no plain word of letters: a disguise within or of single letters does.
    odd = " ".join([word for word in words if len(word) == 1 or not word.isalpha()])
    if not _is_western(text) and _MIXED.search(text):
        yield text.translate(_LOOKALIKE).translate(_LEET)
    elif len(_LEET_WORD.findall(odd)) >= _MIN_LEET_WORDS:
        yield text.translate(_LEET)
    is_spaced = longest >= _LONG_WORD or lengths.count(1) >= _SINGLES
    if is_spaced and _SPACED.search(odd):
        joined = _SPACED.sub(lambda match: _BETWEEN.sub("", match.group()), text)
        if joined != text:
            yield joined


def _is_western(text: str) -> bool:
    """Whether no Greek or Cyrillic letter can stand in it; faster than to look for one."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _decoded(text: str) -> Iterator[str]:
    for match in _BASE64.finditer(text[: _MAX_DECODED * 4]):
        plain = _printable(_from_base64(match.group()))
        if plain:
            yield plain
    for match in _HEX.finditer(text[: _MAX_DECODED * 4]):
        plain = _printable(bytes.fromhex(match.group()))
        if plain:
            yield plain


def _from_base64(token: str) -> bytes:
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _printable(raw: bytes) -> str | None:
    """The text if it reads like one: mostly letters and blanks."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    wordlike = sum(char.isalpha() or char.isspace() for char in text)
    return text[:_MAX_DECODED] if len(text) >= 12 and wordlike >= 0.8 * len(text) else None
