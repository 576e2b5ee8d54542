"""Fonts for every script that a name may be written in.

DejaVu Sans (from matplotlib's wheel) is embedded and covers Latin, Greek and
Cyrillic. For what it lacks comes the deployment's own font, embedded as well, and
for Chinese, Japanese and Korean the names of standard fonts, which PDF viewers
have or replace by one of their own.
"""

from collections.abc import Iterator
from html import escape
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from billing.errors import InvalidInvoice

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_CHINESE, _KOREAN = "STSong-Light", "HYSMyeongJo-Medium"
_HANGUL = (range(0x1100, 0x1200), range(0x3130, 0x3190), range(0xAC00, 0xD7A4))
_EAST_ASIAN = (range(0x2E80, 0xA4D0), range(0xF900, 0xFB00), range(0xFE30, 0xFE50))
_EAST_ASIAN += (range(0xFF00, 0xFFF0), range(0x20000, 0x32000))


class FontBook:
    """Splits a text into runs of characters that one font has.

    Args:
        own: a TrueType file of the deployment's for what DejaVu Sans lacks.

    Raises:
        InvalidInvoice: the file is no TrueType font.
    """

    def __init__(self, own: Path | None = None) -> None:
        folder = _dejavu_folder()
        self._dejavu = _register(REGULAR, folder / "DejaVuSans.ttf")
        _register(BOLD, folder / "DejaVuSans-Bold.ttf")
        pdfmetrics.registerFontFamily(REGULAR, REGULAR, BOLD, REGULAR, BOLD)
        for name in (_CHINESE, _KOREAN):
            pdfmetrics.registerFont(UnicodeCIDFont(name))
        self._own = None if own is None else _register(f"own:{own.name}", own)

    def markup(self, text: str) -> str:
        """A text as a paragraph's XML, each run in its font; lines stay lines."""
        return "<br/>".join(
            "".join(_run(name, part) for name, part in self._runs(line))
            for line in text.splitlines()
        )

    def is_wide(self, text: str) -> bool:
        """Whether it has characters between which any line may end."""
        return any(_within(character, _EAST_ASIAN) for character in text)

    def _runs(self, text: str) -> Iterator[tuple[str | None, str]]:
        for name, characters in groupby(text, self._font_of):
            yield name, "".join(characters)

    def _font_of(self, character: str) -> str | None:
        """The font for a character where it is not the text's own."""
        code = ord(character)
        if code in self._dejavu.face.charToGlyph:
            return None
        if self._own is not None and code in self._own.face.charToGlyph:
            return self._own.fontName
        if _within(character, _HANGUL):
            return _KOREAN
        return _CHINESE if _within(character, _EAST_ASIAN) else None


def _run(name: str | None, text: str) -> str:
    text = escape(text, quote=False)
    return text if name is None else f'<font name="{name}">{text}</font>'


def _within(character: str, ranges: tuple[range, ...]) -> bool:
    return any(ord(character) in each for each in ranges)


def _register(name: str, path: Path) -> TTFont:
    try:
        font = TTFont(name, str(path))
    except (TTFError, OSError):
        raise InvalidInvoice(f"{path} is no TrueType font (invoicing.font).") from None
    pdfmetrics.registerFont(font)
    return font


def _dejavu_folder() -> Path:
    """Found without importing matplotlib, which takes longer than the whole PDF."""
    spec = find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
