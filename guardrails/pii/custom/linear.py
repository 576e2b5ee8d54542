"""A customer's pattern, run in linear time by RE2.

It finds spans; scores, context and types are the recognizer's. Findings are the ones that
Python's ``finditer`` has (leftmost, first alternative first), by code point.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import re2

from guardrails.errors import GuardUnavailable
from guardrails.pii.custom.errors import PatternTooComplex
from guardrails.pii.custom.syntax import Alternative, Behind, translate
from guardrails.pii.custom.utf8 import Utf8Text

# Of one pattern: beyond it RE2 goes on without its cache, slower but as linear.
_MAX_MEMORY: Final = 2 << 20
_MAX_PROGRAM: Final = 20_000
# A pattern whose left edge is refused again and again starts over each time; beyond this many
# times the text's length nobody can say that everything was looked at.
_MAX_PASSES: Final = 40
_FREE_BYTES: Final = 1 << 20
_WORD: Final = re.compile(r"\w")


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False  # RE2 would print the pattern
    return options


class _Compiled:
    def __init__(self, alternative: Alternative) -> None:
        try:
            self.regex = re2.compile(alternative.source.encode(), _options())
        except re2.error:
            raise PatternTooComplex(
                "The pattern is too large for the linear-time engine; shorten its repetitions"
                " or split it.",
                param="regex",
            ) from None
        if self.regex.programsize > _MAX_PROGRAM:
            raise PatternTooComplex(
                "The pattern compiles to too much; shorten its repetitions or split it.",
                param="regex",
            )
        self.behind = alternative.behind
        self.group = alternative.group


class LinearPattern:
    """One regular expression in Python's syntax.

    Args:
        flags: of ``re``.
        group: the finding; 0 for the whole match.

    Raises:
        InvalidRecognizer: see ``syntax.translate`` and ``PatternTooComplex``.
    """

    def __init__(self, regex: str, flags: int = 0, group: int | str = 0) -> None:
        self._compiled = [_Compiled(each) for each in translate(regex, flags, group)]

    def spans(self, text: Utf8Text) -> list[tuple[int, int]]:
        """Findings as code point offsets; those of different alternatives may overlap.

        Raises:
            GuardUnavailable: the text makes the pattern start over too often.
        """
        found: list[tuple[int, int]] = []
        for compiled in self._compiled:
            found += text.spans(_matches(compiled, text))
        return found if len(self._compiled) == 1 else sorted(set(found))

    def matches_whole(self, value: str) -> bool:
        """Whether it matches all of ``value``."""
        text = Utf8Text(value)
        whole = (0, len(text.data))
        return any(
            (match := compiled.regex.fullmatch(text.data)) is not None and match.span(1) == whole
            for compiled in self._compiled
        )

    def matches_empty(self) -> bool:
        """Whether it matches a text without characters."""
        return any(compiled.regex.match(b"") is not None for compiled in self._compiled)


def _matches(compiled: _Compiled, text: Utf8Text) -> Iterator[tuple[int, int]]:
    data, size = text.data, len(text.data)
    position, work = 0, 0
    last = -1
    while position <= size and (match := compiled.regex.search(data, position)) is not None:
        start, end = match.span(1)
        work += match.end() - position
        if work > _MAX_PASSES * size + _FREE_BYTES:
            raise GuardUnavailable(
                "A recognizer of the tenant could not read the text to its end, so the request"
                " was not sent on; simplify the recognizer's pattern."
            )
        if not all(_holds(look, text, start) for look in compiled.behind):
            position = text.next(start)
            continue
        finding = match.span(compiled.group)
        if finding[1] > finding[0] >= max(last, 0):
            yield finding
            last = finding[1]
        position = end if end > position and end > start else text.next(position)


def _holds(look: Behind, text: Utf8Text, start: int) -> bool:
    before = text.before(start) if start else ""
    if look.boundary:
        following = text.data[start : text.next(start)].decode()
        return bool(_WORD.match(before)) != bool(_WORD.match(following))
    assert look.characters is not None
    return bool(look.characters.match(before)) != look.negative
