"""The grammar of tokens, ``[PERSON_1]``: which texts stand for an issued one.

Models change what they copy: ``[person_1]``, ``[ PERSON_1 ]``, ``<PERSON_1>``, ``[Email Address
1]``, ``PERSON\\_1``, ``\\u005bPERSON_1\\u005d``. A variant counts only where its letters name an
issued type and its digits are exactly an issued number; what is cut short is never completed.

One scanner serves whole texts and streams. It decides on characters that it has seen, never on
how the text was cut, so every cut of a stream gives the same bytes. It knows nothing of
detection and holds the values only to hand them back.
"""

import json
import re
from enum import Enum
from typing import Final, NamedTuple

_CLOSING: Final = {"[": "]", "<": ">", "{": "}", "【": "】", "［": "］", "〔": "〕", "⟦": "⟧"}
_OPENING: Final = "".join(_CLOSING)
_SEPARATORS: Final = "_- \u00a0\\"
_MOST_SEPARATORS: Final = 3
_MOST_SPACES: Final = 2
_DIGITS: Final = frozenset("0123456789")
_WORD: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_JSON_ESCAPES: Final = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
}  # fmt: skip
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def token_name(entity_type: str) -> str:
    """The letters that stand in a token for a type; digits would blur its number.

    >>> token_name("Customer-Id 2")
    'CUSTOMER_ID'
    """
    return re.sub(r"[^A-Z]+", "_", entity_type.upper()).strip("_") or "VALUE"


def planted(name: str, text: str) -> set[int]:
    """Numbers that ``text`` already uses with ``name`` in any form that could be restored."""
    gap = rf"[{re.escape(_SEPARATORS)}]{{0,{2 * _MOST_SEPARATORS}}}"
    pattern = gap.join(re.escape(part) for part in name.split("_")) + gap + r"(\d{1,9})(?!\d)"
    return {int(number) for number in re.findall(pattern, text, re.IGNORECASE | re.ASCII)}


class Outcome(Enum):
    """What the scanner can say of a position."""

    NO = "no"
    HIT = "hit"
    MORE = "more"  # the text ends before it can tell


class Scan(NamedTuple):
    """``end`` is where the token ends on a hit, else where to look on."""

    outcome: Outcome
    end: int
    value: str = ""


class _Ended(Exception):
    """The text ended inside a possible token."""


class TokenTable:
    """Issued tokens, by name and number, and the scanner that finds them again."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, str]] = {}
        self._name_prefixes: set[str] = set()
        self._number_prefixes: dict[str, set[str]] = {}
        self._finders: dict[bool, re.Pattern[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def add(self, name: str, number: int, value: str) -> None:
        digits = str(number)
        if name not in self._values:
            self._finders = {}
        self._values.setdefault(name, {})[digits] = value
        # With the separator, since "_" before the digits is part of what is read.
        self._name_prefixes.update((name + "_")[:end] for end in range(1, len(name) + 2))
        prefixes = self._number_prefixes.setdefault(name, set())
        prefixes.update(digits[:end] for end in range(1, len(digits) + 1))

    def finder(self, json_escaped: bool) -> re.Pattern[str]:
        """Where a token could start: a bracket, a backslash, a first letter of a name."""
        if json_escaped not in self._finders:
            letters = re.escape("".join(sorted({name[0] for name in self._values})))
            escapes = r"\\u[0-9a-fA-F]{4}|\\[^u]|" if json_escaped else ""
            self._finders[json_escaped] = re.compile(
                rf"{escapes}[{re.escape(_OPENING)}\\{letters}]", re.DOTALL
            )
        return self._finders[json_escaped]

    def scan(self, text: str, start: int, before: str, *, final: bool, json_escaped: bool) -> Scan:
        """Decide whether a token starts at ``start``.

        Args:
            before: the character before ``start``, ``""`` at the start of the text.
            final: no more text follows, so ``MORE`` is never returned.
        """
        reader = _Reader(text, start, json_escaped)
        try:
            first = reader.next()
        except _Ended:
            return Scan(Outcome.NO if final else Outcome.MORE, len(text) if final else start)
        after = reader.position
        try:
            if first == "\\" or first in _CLOSING:
                value = self._bracketed(reader, first)
            elif before not in _WORD or not before:
                value = self._bare(reader, first, before, final)
            else:
                value = None
        except _Ended:
            return Scan(Outcome.NO, after) if final else Scan(Outcome.MORE, start)
        if value is None:
            return Scan(Outcome.NO, after)
        return Scan(Outcome.HIT, reader.position, json_text(value) if json_escaped else value)

    def _bracketed(self, reader: "_Reader", first: str) -> str | None:
        escaped = first == "\\"
        if escaped:
            first = reader.next()
            if first not in _CLOSING:
                return None
        character = _skip_spaces(reader)
        name, character = self._read_name(reader, character, strict=False)
        if name is None:
            return None
        digits, character = self._read_number(reader, character, name)
        if digits is None:
            return None
        for _ in range(_MOST_SPACES):
            if character == " ":
                character = reader.next()
        if escaped:
            # ``\[`` without ``\]`` is a backslash beside a token, as in C:\[PERSON_1]\x.
            if character != "\\":
                return None
            character = reader.next()
        return self._values[name][digits] if character == _CLOSING[first] else None

    def _bare(self, reader: "_Reader", first: str, before: str, final: bool) -> str | None:
        name, character = self._read_name(reader, first, strict=True)
        if name is None:
            return None
        digits = character
        while True:
            mark = reader.position
            try:
                character = reader.next()
            except _Ended:
                # Cut short or complete? Only complete if nothing longer was issued.
                if final and self._complete(name, digits, before):
                    return self._values[name][digits]
                raise
            if character not in _DIGITS:
                break
            digits += character
            if digits not in self._number_prefixes[name]:
                return None
        reader.position = mark
        if character in _WORD or digits not in self._values[name]:
            return None
        return self._values[name][digits]

    def _complete(self, name: str, digits: str, before: str) -> bool:
        if digits not in self._values[name] or (before and before in _OPENING):
            return False
        return not any(digits + more in self._number_prefixes[name] for more in "0123456789")

    def _read_name(
        self, reader: "_Reader", character: str, *, strict: bool
    ) -> tuple[str | None, str]:
        """Read up to the first digit. Strict: capitals and ``_`` only, as issued."""
        separators = "_\\" if strict else _SEPARATORS
        read, run = "", 0
        while character not in _DIGITS:
            if character in separators:
                run += 1
                if run > _MOST_SEPARATORS or not read:
                    return None, ""
                if character != "\\" and not read.endswith("_"):
                    read += "_"
            elif character.isascii() and character.isalpha():
                run = 0
                read += character if strict else character.upper()
            else:
                return None, ""
            if read not in self._name_prefixes:
                return None, ""
            character = reader.next()
        name = read.removesuffix("_")
        known = name in self._values and (not strict or read.endswith("_"))
        known = known and character in self._number_prefixes[name]
        return (name, character) if known else (None, "")

    def _read_number(self, reader: "_Reader", digits: str, name: str) -> tuple[str | None, str]:
        while (character := reader.next()) in _DIGITS:
            digits += character
            if digits not in self._number_prefixes[name]:
                return None, ""
        return (digits, character) if digits in self._values[name] else (None, "")


class _Reader:
    """Characters from a position on, JSON escapes decoded where asked for."""

    def __init__(self, text: str, position: int, json_escaped: bool) -> None:
        self._text = text
        self.position = position
        self._json_escaped = json_escaped

    def next(self) -> str:
        if self._json_escaped:
            character, self.position = read_json_character(self._text, self.position)
            return character
        if self.position >= len(self._text):
            raise _Ended
        self.position += 1
        return self._text[self.position - 1]


def read_json_character(text: str, position: int) -> tuple[str, int]:
    """One character of a JSON text and where it ends. Raises ``_Ended`` inside an escape."""
    piece = text[position : position + 6]
    if not piece or piece == "\\":
        raise _Ended
    if piece[0] != "\\":
        return piece[0], position + 1
    if piece[1] != "u":
        return _JSON_ESCAPES.get(piece[1], piece[1]), position + 2
    if not all(digit in "0123456789abcdefABCDEF" for digit in piece[2:]):
        return "\\", position + 1
    if len(piece) < 6:
        raise _Ended
    return chr(int(piece[2:], 16)), position + 6


def json_text(value: str) -> str:
    """``value`` as it stands inside a JSON string; lone surrogates stay escaped."""
    inner = json.dumps(value, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", inner)


def _skip_spaces(reader: _Reader) -> str:
    character = reader.next()
    for _ in range(_MOST_SPACES):
        if character == " ":
            character = reader.next()
    return character
