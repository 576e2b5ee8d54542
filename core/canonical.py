"""Canonical JSON: one byte string per value, for digests and signatures.

A subset of RFC 8785 (JCS): keys sorted by code point, no white space, UTF-8.
Floats are refused, since their text is where implementations differ; amounts
travel as text.
"""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Encode ``None``, ``bool``, ``int``, ``str``, lists and dicts with text keys.

    Raises:
        TypeError: for floats and every other type.

    >>> canonical_json({"b": 1, "a": ["ü", None]})
    b'{"a":["\\xc3\\xbc",null],"b":1}'
    """
    _check(value)
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode("utf-8", "surrogatepass")


def digest(value: Any) -> str:
    """``sha256:`` + hex digest of the canonical encoding."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def _check(value: Any) -> None:
    if value is None or isinstance(value, bool | int | str):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON has text keys, not {type(key).__name__}")
            _check(item)
        return
    if isinstance(value, list | tuple):
        for item in value:
            _check(item)
        return
    raise TypeError(f"canonical JSON cannot hold {type(value).__name__}")
