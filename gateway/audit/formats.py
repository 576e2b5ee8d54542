"""The three export formats: how records become bytes and are read back.

Every row is one record. jsonl: its canonical JSON, one a line. csv and parquet:
a few plain columns and ``record``, the same canonical JSON. Readers accept
exactly what the writers make, byte for byte (csv, jsonl) or value for value
(parquet), so that any change shows.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import msgspec

from gateway.audit.diagnosis import Row
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.errors import InvalidRecord
from gateway.audit.genuine import Named, genuine_record

Format = Literal["jsonl", "csv", "parquet"]
COLUMNS = ("tenant", "seq", "request_id", "kind", "time", "upstream", "prev_hash", "hash", "record")
ROW_GROUP = 5000
_PARQUET_MAGIC = b"PAR1"


class Writer(Protocol):
    """Takes records in order."""

    def write(self, record: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


def open_writer(kind: Format, out: BinaryIO) -> Writer:
    """A writer of the format; ``out`` need not be seekable and stays open."""
    if kind == "jsonl":
        return _JsonlWriter(out)
    return _CsvWriter(out) if kind == "csv" else _ParquetWriter(out)


def detect_format(path: Path) -> Format:
    """By the first bytes, then by the name; what is neither is read as jsonl."""
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(_PARQUET_MAGIC) or path.suffix == ".parquet":
        return "parquet"
    if start.startswith(b"tenant,seq,") or path.suffix == ".csv":
        return "csv"
    return "jsonl"


def read_rows(path: Path, kind: Format) -> Iterator[Row]:
    """The rows of a file; damaged ones come as rows too, a wrong header as row 0."""
    if kind == "parquet":
        yield from _read_parquet(path)
        return
    with path.open("rb") as file:
        if kind == "csv" and next(file, _HEADER) != _HEADER:
            yield Row(0, None)
        read = _read_json_line if kind == "jsonl" else _read_csv_line
        signed = False
        for number, line in enumerate(file, 1):
            row = read(number, line)
            if row.members is None and not signed and not line.endswith(b"\n"):
                return  # cut in the middle of a line: the signed end will be missed
            signed = signed or (row.members is not None and "checkpoint" in row.members)
            yield row


class _JsonlWriter:
    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, record: dict[str, Any]) -> None:
        self._out.write(encode_canonical(record) + b"\n")

    def close(self) -> None:
        self._out.flush()


class _CsvWriter:
    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._out.write(_HEADER)

    def write(self, record: dict[str, Any]) -> None:
        self._out.write(_csv_line(_columns(record)))

    def close(self) -> None:
        self._out.flush()


class _ParquetWriter:
    def __init__(self, out: BinaryIO) -> None:
        import pyarrow
        import pyarrow.parquet

        self._arrow = pyarrow
        text = pyarrow.string()
        types = {name: pyarrow.int64() if name == "seq" else text for name in COLUMNS}
        self._schema = pyarrow.schema(list(types.items()))
        self._writer = pyarrow.parquet.ParquetWriter(
            pyarrow.PythonFile(_Sequential(out), mode="w"), self._schema, compression="zstd"
        )
        self._rows: list[tuple[Any, ...]] = []

    def write(self, record: dict[str, Any]) -> None:
        self._rows.append(_columns(record))
        if len(self._rows) >= ROW_GROUP:
            self._write_group()

    def close(self) -> None:
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._rows:
            rows = [dict(zip(COLUMNS, row, strict=True)) for row in self._rows]
            self._writer.write_table(self._arrow.Table.from_pylist(rows, schema=self._schema))
            self._rows = []


class _Sequential(io.RawIOBase):
    """A pipe that can tell how far it has come; it never closes what lies below."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._out.write(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        if not self.closed:
            self._out.flush()


def _columns(record: dict[str, Any]) -> tuple[Any, ...]:
    plain = [record.get(name) for name in COLUMNS[:-1]]
    return (*plain, encode_canonical(record).decode())


def _csv_line(values: tuple[Any, ...]) -> bytes:
    out = io.StringIO()
    row = ["" if value is None else value for value in values]
    csv.writer(out, lineterminator="\n").writerow(row)
    return out.getvalue().encode()


_HEADER = _csv_line(COLUMNS)


def _parse(text: bytes | str) -> tuple[dict[str, Any] | None, bytes]:
    """The object in a JSON text, and its canonical encoding (empty if there is none)."""
    try:
        members = decode(text)
        if isinstance(members, dict):
            return members, encode_canonical(members)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidRecord):
        pass
    return None, b""


def _read_json_line(number: int, line: bytes) -> Row:
    if line.endswith(b"\n") and (named := genuine_record(line[:-1])) is not None:
        return Row(number, named.links(), sound=True)
    members, canonical = _parse(line)
    return Row(number, members, exact=canonical + b"\n" == line)


def _read_csv_line(number: int, line: bytes) -> Row:
    if (named := _genuine_csv(line)) is not None:
        return Row(number, named.links(), sound=True)
    try:
        fields = next(csv.reader([line.decode()], strict=True))
    except (UnicodeDecodeError, csv.Error, StopIteration):
        return Row(number, None)
    members, _ = _parse(fields[-1]) if fields else (None, b"")
    if members is None:
        return Row(number, None)
    return Row(number, members, exact=_csv_line(_columns(members)) == line)


def _genuine_csv(line: bytes) -> Named | None:
    """As nearly all lines are: plain columns without quotes, then the record in quotes."""
    plain, found, quoted = line.partition(b',"{')
    inner = quoted[:-2]
    record = b"{" + inner.replace(b'""', b'"')
    if not found or (named := genuine_record(record)) is None:
        return None
    # Every quote of the record stands twice, exactly if so many bytes went.
    doubled = len(inner) == len(record) - 1 + record.count(b'"') and quoted.endswith(b'"\n')
    columns = ",".join("" if value is None else str(value) for value in _plain(named))
    exact = doubled and columns.encode() == plain
    plain_text = '"' not in columns and columns.count(",") == 7 and columns.isprintable()
    return named if exact and plain_text else None


def _plain(named: Named) -> tuple[Any, ...]:
    """The columns before the record."""
    return (
        named.tenant,
        named.seq,
        named.request_id,
        named.kind,
        named.time,
        named.upstream,
        named.prev_hash,
        named.hash,
    )


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            if tuple(file.schema_arrow.names) != COLUMNS:
                yield Row(0, None)
                return
            for batch in file.iter_batches(batch_size=ROW_GROUP):
                for values in zip(*(column.to_pylist() for column in batch), strict=True):
                    number += 1
                    yield _parquet_row(number, values)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        yield Row(number + 1, None)


def _parquet_row(number: int, values: tuple[Any, ...]) -> Row:
    named = genuine_record((values[-1] or "").encode())
    if named is not None and _plain(named) == values[:-1]:
        return Row(number, named.links(), sound=True)
    members, _ = _parse(values[-1] or "")
    if members is None:
        return Row(number, None)
    return Row(number, members, exact=_columns(members) == values)
