"""The grammar of tokens, ``[PERSON_1]``: which texts stand for an issued one.

Models change what they copy: ``[person_1]``, ``[ PERSON_1 ]``, ``<PERSON_1>``, ``[Email Address
1]``, ``[**PERSON_1**]``, ``[PERSON_1's]``, ``PERSON\\_1``, ``\\u005bPERSON_1\\u005d``, a token
that is broken over lines. A variant counts only where its letters name an issued type and its
digits are exactly an issued number; what is cut short is never completed. Texts that were issued
without brackets (``literals``) are found in the same pass, so that nothing is read twice.

One scanner serves whole texts and streams. It decides on characters that it has seen, never on
how the text was cut, so every cut of a stream gives the same bytes. It knows nothing of
detection and holds the values only to hand them back.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from guardrails.pii.literals import Literals
from guardrails.pii.reader import Ended, Reader, json_text

_CLOSING: Final = {"[": "]", "<": ">", "{": "}", "【": "】", "［": "］", "〔": "〕", "⟦": "⟧"}
_OPENING: Final = "".join(_CLOSING)
_SEPARATORS: Final = "_- \u00a0\\\n\r\t"
_MOST_SEPARATORS: Final = 3
_SPACES: Final = " \n\r\t"
_MOST_FILLING: Final = 4
_DIGITS: Final = frozenset("0123456789")
# A keyed hash begins with a digit and goes on in hexadecimal.
_NUMBER: Final = frozenset("0123456789abcdefABCDEF")
_APOSTROPHES: Final = "'\u2019"
_WORD: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


@lru_cache(maxsize=256)
def token_name(entity_type: str) -> str:
    """The letters that stand in a token for a type; digits would blur its number.

    >>> token_name("Customer-Id 2")
    'CUSTOMER_ID'
    """
    return re.sub(r"[^A-Z]+", "_", entity_type.upper()).strip("_") or "VALUE"


def planted(name: str, text: str) -> set[int]:
    """Numbers that ``text`` already uses with ``name`` in any form that could be restored."""
    if name.partition("_")[0].lower() not in text.lower():  # a twentieth of the search's time
        return set()
    return {int(number) for number in _numbered(name).findall(text)}


@lru_cache(maxsize=256)
def _numbered(name: str) -> re.Pattern[str]:
    gap = rf"[{re.escape(_SEPARATORS)}]{{0,{2 * _MOST_SEPARATORS}}}"
    pattern = gap.join(re.escape(part) for part in name.split("_")) + gap + r"(\d{1,9})(?!\d)"
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


class Outcome(Enum):
    """What the scanner can say of a position."""

    NO = "no"
    HIT = "hit"
    MORE = "more"  # the text ends before it can tell


class Scan(NamedTuple):
    """``end`` is where the token ends on a hit, else where to look on; ``last`` the character
    before it, decoded."""

    outcome: Outcome
    end: int
    last: str = ""
    value: str = ""


class TokenTable:
    """Issued tokens, by name and number, and the scanner that finds them again."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, str]] = {}
        self._name_prefixes: set[str] = set()
        self._number_prefixes: dict[str, set[str]] = {}
        self._literals = Literals()
        self._finders: dict[bool, re.Pattern[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._values) or bool(self._literals)

    def add_literal(self, literal: str, value: str) -> None:
        """A text that stands for ``value`` wherever it stands as a word."""
        self._literals.add(literal, value)
        self._finders = {}

    def add(self, name: str, number: int | str, value: str) -> None:
        """A token; ``number`` may be a hash of a digit and lower-case hexadecimal digits."""
        digits = str(number)
        if name not in self._values:
            self._finders = {}
        self._values.setdefault(name, {})[digits] = value
        # With the separator, since "_" before the digits is part of what is read.
        self._name_prefixes.update((name + "_")[:end] for end in range(1, len(name) + 2))
        prefixes = self._number_prefixes.setdefault(name, set())
        prefixes.update(digits[:end] for end in range(1, len(digits) + 1))

    def value_of(self, name: str, digits: str) -> str | None:
        """What an issued token stands for."""
        return self._values.get(name, {}).get(digits)

    def finder(self, json_escaped: bool) -> re.Pattern[str]:
        """Where a token could start: a bracket, a backslash, a first letter of a name."""
        if json_escaped not in self._finders:
            parts = [r"\\u[0-9a-fA-F]{4}|\\[^u]"] if json_escaped else []
            parts.append(self._token_starts(json_escaped))
            if self._literals:
                parts.append(self._literals.starts(escaped=json_escaped))
            self._finders[json_escaped] = re.compile("|".join(parts), re.DOTALL)
        return self._finders[json_escaped]

    def _token_starts(self, json_escaped: bool) -> str:
        letters = re.escape("".join(sorted({name[0] for name in self._values})))
        if json_escaped:
            return rf"[{re.escape(_OPENING)}\\{letters}]"
        bare = rf"|(?<![A-Za-z0-9_])[{letters}]" if letters else ""
        return rf"[{re.escape(_OPENING)}\\]{bare}"

    def scan(self, text: str, start: int, before: str, *, final: bool, json_escaped: bool) -> Scan:
        """Decide whether a token starts at ``start``.

        Args:
            before: the character before ``start``, ``""`` at the start of the text.
            final: no more text follows, so ``MORE`` is never returned.
        """
        reader = Reader(text, start, json_escaped)
        try:
            first = reader.next()
        except Ended:
            return Scan(Outcome.NO, len(text)) if final else Scan(Outcome.MORE, start)
        after = reader.position
        try:
            value = self._token(reader, first, before, final)
            if value is None and self._literals:
                reader.back_to(after, first)
                value = self._literals.read(reader, first, before, final)
        except Ended:
            return Scan(Outcome.MORE, start)
        if value is None:
            return Scan(Outcome.NO, after, first)
        written = json_text(value) if json_escaped else value
        return Scan(Outcome.HIT, reader.position, reader.last, written)

    def _token(self, reader: Reader, first: str, before: str, final: bool) -> str | None:
        try:
            if first == "\\" or first in _CLOSING:
                return self._bracketed(reader, first)
            if before not in _WORD or not before:
                return self._bare(reader, first, before, final)
        except Ended:
            if not final:
                raise
        return None

    def _bracketed(self, reader: Reader, first: str) -> str | None:
        escaped = first == "\\"
        if escaped:
            first = reader.next()
            if first not in _CLOSING:
                return None
        opening, character = _read_filling(reader, reader.next())
        name, character = self._read_name(reader, character, strict=False)
        if name is None:
            return None
        digits, character = self._read_number(reader, character, name)
        if digits is None:
            return None
        suffix, character = _read_suffix(reader, character)
        closing, character = _read_filling(reader, character)
        if escaped:
            # ``\[`` without ``\]`` is a backslash beside a token, as in C:\[PERSON_1]\x.
            if character != "\\":
                return None
            character = reader.next()
        if character != _CLOSING[first]:
            return None
        return opening + self._values[name][digits] + suffix + closing

    def _bare(self, reader: Reader, first: str, before: str, final: bool) -> str | None:
        name, character = self._read_name(reader, first, strict=True)
        if name is None:
            return None
        digits = character
        while True:
            mark = reader.position
            try:
                character = reader.next()
            except Ended:
                # Cut short or complete? Only complete if nothing longer was issued.
                if final and self._complete(name, digits, before):
                    return self._values[name][digits]
                raise
            if digits + character not in self._number_prefixes[name]:
                if character in _DIGITS:
                    return None
                break
            digits += character
        reader.back_to(mark, digits[-1])
        if character in _WORD or digits not in self._values[name]:
            return None
        return self._values[name][digits]

    def _complete(self, name: str, digits: str, before: str) -> bool:
        if digits not in self._values[name] or (before and before in _OPENING):
            return False
        return not any(digits + more in self._number_prefixes[name] for more in "0123456789abcdef")

    def _read_name(self, reader: Reader, character: str, *, strict: bool) -> tuple[str | None, str]:
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

    def _read_number(self, reader: Reader, digits: str, name: str) -> tuple[str | None, str]:
        while (character := reader.next()) in _NUMBER:
            digits += character.lower()
            if digits not in self._number_prefixes[name]:
                return None, ""
        return (digits, character) if digits in self._values[name] else (None, "")


def _read_filling(reader: Reader, character: str) -> tuple[str, str]:
    """Skip white space between a bracket and what it holds; marks of bold text are kept."""
    marks = ""
    for _ in range(_MOST_FILLING):
        if character == "*":
            marks += character
        elif character not in _SPACES:
            break
        character = reader.next()
    return marks, character


def _read_suffix(reader: Reader, character: str) -> tuple[str, str]:
    """A possessive or plural ending within the brackets: ``[PERSON_1's]``, ``[PERSON_1s]``."""
    suffix = ""
    if character in _APOSTROPHES:
        suffix, character = character, reader.next()
    if character in "sS":
        return suffix + character, reader.next()
    return suffix, character
