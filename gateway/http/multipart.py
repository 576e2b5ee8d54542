"""Forms with files (``multipart/form-data``), read as they come: no more than a piece at a time.

``python-multipart`` finds the parts; what is small becomes a text, the one file goes to a sink.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.errors import InvalidRequest
from gateway.http.connection import Connection

_MOST_FIELDS = 32
_MOST_FIELD_BYTES = 4096
# Called with the fields so far and the file's name; gives what takes the file's pieces.
Sink = Callable[[bytes], Awaitable[None]]
Begin = Callable[[dict[str, str], str], Awaitable[Sink]]


class InvalidForm(InvalidRequest):
    """The body is no form, or one with too much in it."""

    code = "invalid_form"


async def read_form(connection: Connection, file_field: str, begin: Begin) -> dict[str, str]:
    """Read a form with one file.

    Args:
        file_field: the name of the part that is the file.
        begin: called when the file starts.

    Returns:
        The other fields.

    Raises:
        InvalidForm: it is none, it lacks the file, or a field is too long.
        ClientDisconnected
    """
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    kind, options = parse_options_header(connection.header(b"content-type") or "")
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidForm("Send the file as multipart/form-data.")
    form = _Form(file_field, parse_options_header)
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for piece in connection.pieces():
            parser.write(piece)
            await form.pass_on(begin)
        parser.finalize()
    except FormParserError:
        raise InvalidForm("The form cannot be read; look at its boundary and its parts.") from None
    if form.sink is None:
        raise InvalidForm(f"The form has no part `{file_field}` with a file.", param=file_field)
    return form.fields


class _Form:
    """Collects what the parser finds in one piece of the body."""

    def __init__(self, file_field: str, parse_options: Callable[[bytes], Any]) -> None:
        self.fields: dict[str, str] = {}
        self.sink: Sink | None = None
        self._file_field = file_field
        self._parse_options = parse_options
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._field = bytearray()
        self._name = ""
        self._in_file = False
        self._file_name: str | None = None
        self._file_parts: list[bytes] = []

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._part_begins,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._part_ends,
        }

    async def pass_on(self, begin: Begin) -> None:
        """What came of the file goes to its sink."""
        if self._file_name is not None and self.sink is None:
            self.sink = await begin(dict(self.fields), self._file_name)
        parts, self._file_parts = self._file_parts, []
        if self.sink is not None:
            for part in parts:
                await self.sink(part)

    def _part_begins(self) -> None:
        self._headers = {}

    def _header_ends(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        _, options = self._parse_options(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = self._name == self._file_field
        self._field.clear()
        if self._in_file:
            if self._file_name is not None:
                raise InvalidForm("Send one file at a time.", param=self._file_field)
            self._file_name = options.get(b"filename", b"file").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._file_parts.append(data[start:end])
            return
        self._field += data[start:end]
        if len(self._field) > _MOST_FIELD_BYTES:
            raise InvalidForm(f"A field may have {_MOST_FIELD_BYTES} bytes.")

    def _part_ends(self) -> None:
        if not self._in_file:
            self.fields[self._name] = self._field.decode("utf-8", "replace")
            if len(self.fields) > _MOST_FIELDS:
                raise InvalidForm(f"A form may have {_MOST_FIELDS} fields.")
        self._in_file = False
