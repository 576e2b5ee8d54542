"""Looks for canaries in bytes, as they are and in the ways in which data gets encoded."""

import base64
import bz2
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import hyperscan

from support.canaries import Canary

_DEEPEST = 4
_LARGEST = 1 << 28
_COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|BZh[1-9]|\xfd7zXZ\x00")
_NOT_ALNUM = bytes(code for code in range(128) if not chr(code).isalnum())
# Digits that stand alone could be part of any number once separators are gone.
_SHORTEST_BARE = 11


@dataclass(frozen=True, slots=True)
class Hit:
    """A canary that was found: where, in which form, behind which decoding."""

    place: str
    form: str
    canary: Canary
    within: str = ""


class CanaryScanner:
    """Finds any of the canaries in any of the forms, whatever the case of letters."""

    def __init__(self, canaries: Sequence[Canary]) -> None:
        self._plain = _Needles([(c, *form) for c in canaries for form in forms(c.needle)])
        bare = [(c, "without separators", _bare(c.needle)) for c in canaries]
        self._bare = _Needles([item for item in bare if len(item[2]) >= _SHORTEST_BARE])

    def scan(self, place: str, content: bytes) -> list[Hit]:
        """Every canary in ``content``, in what it holds compressed, and without separators."""
        hits: list[Hit] = []
        for within, data in unpacked(content):
            found = [*self._plain.find(data), *self._bare.find(_bare(data))]
            hits += [Hit(place, form, canary, within) for canary, form in found]
        return hits


class _Needles:
    """Many literals at once."""

    def __init__(self, items: Sequence[tuple[Canary, str, bytes]]) -> None:
        self._items = items
        self._database = hyperscan.Database()
        flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
        self._database.compile(
            expressions=[_literal(needle) for _, _, needle in items],
            ids=list(range(len(items))),
            flags=[flags] * len(items),
        )

    def find(self, data: bytes) -> Iterator[tuple[Canary, str]]:
        found: list[int] = []
        if data:
            self._database.scan(
                data, match_event_handler=lambda number, *_: found.append(number) or None
            )
        for number in found:
            canary, form, _ = self._items[number]
            yield canary, form


def forms(value: str) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the ways to write a value. Case does not matter to who searches."""
    raw = value.encode()
    yield "as it is", raw
    yield "hexadecimal", raw.hex().encode()
    yield "percent, every byte", b"".join(b"%%%02x" % byte for byte in raw)
    yield "JSON escapes", "".join(f"\\u{ord(character):04x}" for character in value).encode()
    yield "UTF-16", value.encode("utf-16-le")  # that of the other order holds it, but for an end
    yield "UTF-16, big end first", value.encode("utf-16-be")
    if (quoted := quote(value, safe="")) != value:
        yield "percent", quoted.encode()
    for shift in range(3):
        yield "base64", _base64(raw, shift, base64.b64encode)
        if any(mark in base64.b64encode(b"-" * shift + raw) for mark in b"+/"):
            yield "base64url", _base64(raw, shift, base64.urlsafe_b64encode)


def unpacked(content: bytes, within: str = "", depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """The content, and whatever in it is compressed, named by how it is."""
    yield within, content
    if depth == _DEEPEST:
        return
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from unpacked(archive.read(name), f"{within}zip:{name} ", depth + 1)
        return
    for match in _COMPRESSED.finditer(content):
        name, data = _inflated(content[match.start() :])
        if len(data) > 8:
            yield from unpacked(data, f"{within}{name} ", depth + 1)


def _inflated(content: bytes) -> tuple[str, bytes]:
    """What follows a mark of a compressed stream; little or nothing where it was none."""
    openers: dict[bytes, tuple[str, Callable[[], object]]] = {
        b"\x1f": ("gzip", lambda: zlib.decompressobj(31)),
        b"x": ("zlib", zlib.decompressobj),
        b"B": ("bzip2", bz2.BZ2Decompressor),
        b"\xfd": ("xz", lzma.LZMADecompressor),
    }
    name, opener = openers[content[:1]]
    decoder: object = opener()
    try:
        return name, decoder.decompress(content, _LARGEST)  # type: ignore[attr-defined]
    except (zlib.error, OSError, lzma.LZMAError, EOFError):
        return name, b""


def _base64(raw: bytes, shift: int, encode: Callable[[bytes], bytes]) -> bytes:
    """What the value becomes when ``shift`` bytes stand before it, without the ends that depend
    on its neighbours."""
    encoded = encode(b"\0" * shift + raw).rstrip(b"=")
    start = (0, 2, 3)[shift]
    whole = (shift + len(raw)) * 8 // 6
    return encoded[start:whole]


def _bare(data: str | bytes) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return raw.translate(None, _NOT_ALNUM)


def _literal(needle: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in needle)
