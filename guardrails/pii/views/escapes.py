"""Characters written as codes: HTML entities, percent-encoding, escapes of JSON and of code."""

import html
import re
from collections.abc import Iterator
from typing import Final

from guardrails.pii.views.view import Edit

_ESCAPE: Final = re.compile(
    r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});?|(?:%[0-9A-Fa-f]{2})+|"
    r"(?:\\u[0-9A-Fa-f]{4})+|\\u\{[0-9A-Fa-f]{1,6}\}|(?:\\x[0-9A-Fa-f]{2})+"
)
_CODE: Final = re.compile(r"[0-9A-Fa-f]{4}")
_PAIR: Final = re.compile(r"[0-9A-Fa-f]{2}")


def escapes(text: str) -> Iterator[Edit]:
    """What decodes; the rest stays as it is."""
    for match in _ESCAPE.finditer(text):
        code = match.group()
        plain = _decoded(code)
        if plain is not None and plain != code:
            yield match.start(), match.end(), plain


def _decoded(code: str) -> str | None:
    if code.startswith("&"):
        plain = html.unescape(code)
        return plain if plain != code and len(plain) <= 2 else None
    if code.startswith("\\u{"):
        number = int(code[3:-1], 16)
        return chr(number) if number < 0x110000 else None
    if code.startswith("\\u"):
        units = b"".join(int(unit, 16).to_bytes(2, "big") for unit in _CODE.findall(code))
        return units.decode("utf-16-be", "surrogatepass" if len(units) == 2 else "replace")
    raw = bytes(int(pair, 16) for pair in _PAIR.findall(code))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
