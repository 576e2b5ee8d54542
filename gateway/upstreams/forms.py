"""``multipart/form-data`` as an upstream gets it; built in memory, with a boundary of its own."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form.

    Args:
        kind: one of ``gateway.content.MEDIA_KINDS``.
        filename: ours: what the client called it may name somebody.
    """

    field: str
    kind: str
    filename: str
    content_type: str
    content: bytes


def encode_form(fields: Mapping[str, Any], files: Sequence[FormFile]) -> tuple[bytes, str]:
    """The body and its content type; lists become repeated fields."""
    boundary = secrets.token_hex(24)
    parts: list[bytes] = []
    for name, value in _texts(fields):
        parts += [_head(boundary, f'name="{_quoted(name)}"'), b"\r\n", value, b"\r\n"]
    for file in files:
        place = f'name="{_quoted(file.field)}"; filename="{_quoted(file.filename)}"'
        kind = f"content-type: {file.content_type}\r\n\r\n".encode("latin-1")
        parts += [_head(boundary, place), kind, file.content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


def _texts(fields: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            text = str(item).lower() if isinstance(item, bool) else str(item)
            yield name, text.encode("utf-8", "replace")


def _head(boundary: str, disposition: str) -> bytes:
    head = f"--{boundary}\r\ncontent-disposition: form-data; {disposition}\r\n"
    return head.encode("utf-8", "replace")


def _quoted(name: str) -> str:
    """As browsers quote it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
