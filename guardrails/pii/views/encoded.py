"""Values in base64, base64url and hexadecimal digits."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{12,}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX: Final = re.compile(r"(?<![A-Za-z0-9])(?:0x)?(?:[0-9A-Fa-f]{2}[ :-]?){7,}(?![A-Za-z0-9])")
_LONGEST: Final = 200_000


def decoded(text: str) -> Iterator[tuple[int, int, str]]:
    """``(start, end, what it says)`` of runs that decode to printable text."""
    for pattern, read in ((_BASE64, _from_base64), (_HEX, _from_hex)):
        for match in pattern.finditer(text):
            raw = read(match.group()) if match.end() - match.start() <= _LONGEST else None
            plain = _printable(raw) if raw is not None else None
            if plain is not None:
                yield match.start(), match.end(), plain


def _from_base64(run: str) -> bytes | None:
    bare = run.rstrip("=").replace("-", "+").replace("_", "/")
    if len(bare) % 4 == 1 or bare.isdigit():
        return None
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return None


def _from_hex(run: str) -> bytes | None:
    digits = re.sub(r"[ :-]|^0x", "", run)
    return bytes.fromhex(digits) if len(digits) % 2 == 0 else None


def _printable(raw: bytes) -> str | None:
    if len(raw) < 7:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    odd = sum(not (letter.isprintable() or letter in "\n\r\t") for letter in text)
    return text if odd == 0 else None
