"""Requests that are forms with files, held in memory and never written to disk."""

import re
from typing import Any

from gateway.errors import InvalidRequest
from gateway.http.connection import Connection
from gateway.http.multipart import InvalidForm
from gateway.upstreams.forms import FormFile

_MOST_PARTS = 64
_MOST_FIELD_BYTES = 256 * 1024
_KIND = re.compile(r"[a-z]+/[a-z0-9.+-]{1,64}")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_LISTED = "[]"


def parse_form(
    connection: Connection, raw: bytes, kinds: dict[str, str]
) -> tuple[dict[str, Any], list[FormFile]]:
    """The fields of a form, and its files.

    Args:
        kinds: which media a part is, by its name without ``[]``.

    Raises:
        InvalidForm: it is none, or one with too much in it.
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    kind, options = parse_options_header(connection.header(b"content-type") or "")
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidForm("Send the request as multipart/form-data, with its files.")
    parts = _Parts(parse_options_header)
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        parser.write(raw)
        parser.finalize()
    except FormParserError:
        raise InvalidForm("The form cannot be read; look at its boundary and its parts.") from None
    if not parts.ended:
        raise InvalidForm("The form breaks off; send it again.")
    return parts.fields, [_file(*part, kinds) for part in parts.files]


def flag(fields: dict[str, Any], name: str) -> bool:
    """A field that says yes or no.

    Raises:
        InvalidRequest: it says something else.
    """
    value = fields.get(name, "false")
    if value not in ("true", "false"):
        raise InvalidRequest(f"`{name}` must be true or false.", param=name)
    return value == "true"


def _file(name: str, filename: str, kind: str, content: bytes, kinds: dict[str, str]) -> FormFile:
    ending = _ENDING.search(filename)
    return FormFile(
        name,
        kinds.get(name.removesuffix(_LISTED), "files"),
        "file" + (ending.group().lower() if ending else ""),
        kind if _KIND.fullmatch(kind) else "application/octet-stream",
        content,
    )


class _Parts:
    """Collects what the parser finds."""

    def __init__(self, parse_options: Any) -> None:
        self.fields: dict[str, Any] = {}
        self.files: list[tuple[str, str, str, bytes]] = []
        self.ended = False
        self._parse_options = parse_options
        self._count = 0
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._content: list[bytes] = []

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._content.append(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._all,
        }

    def _begin(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise InvalidForm(f"A form may have {_MOST_PARTS} parts.")
        self._headers, self._content = {}, []

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end(self) -> None:
        _, options = self._parse_options(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        content = b"".join(self._content)
        if b"filename" in options:
            filename = options[b"filename"].decode("utf-8", "replace")
            kind = self._headers.get(b"content-type", b"").decode("latin-1").strip().lower()
            self.files.append((name, filename, kind, content))
            return
        if len(content) > _MOST_FIELD_BYTES:
            raise InvalidForm(f"A field may have {_MOST_FIELD_BYTES} bytes.", param=name)
        try:
            self._add(name, content.decode())
        except UnicodeDecodeError:
            raise InvalidForm(f"`{name}` is no UTF-8 text.", param=name) from None

    def _add(self, name: str, text: str) -> None:
        """``x[]`` is a list; another name comes once."""
        if name.endswith(_LISTED):
            self.fields.setdefault(name, []).append(text)
        elif name in self.fields:
            raise InvalidForm(f"`{name}` comes twice; send it once.", param=name)
        else:
            self.fields[name] = text

    def _all(self) -> None:
        self.ended = True
