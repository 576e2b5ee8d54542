"""Values found once are masked wherever else they stand.

A recognizer may see a name only beside its title, or an account only beside the word
"account"; the same value alone elsewhere would leak. Parts of a person's name count too.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from guardrails.pii.spans import resolve
from guardrails.types import Span

_RUN: Final = re.compile(r"[^\W_]+")
_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SHORTEST_PART: Final = 3
_SHORTEST_VALUE: Final = 3
_SHORTEST_NUMBER: Final = 5
# Parts of names that are no one's name by themselves.
_NO_NAME: Final = frozenset(
    """
    von van der den des del della dos das de la le les du and und et the bin ibn ben abu mrs
    miss herr frau madame monsieur prof dipl ing jun sen son will may can mark bill art rose
    grace hope faith joy april june august summer autumn dawn page young long short king bishop
    church wood field hill lake stone day may's who his her she him dear best kind regards hello
    bitte gross groß klein lang kurz jung alt neu weiß schwarz braun roth koch bauer müller's
    """.split()
)
# Some of these are names often enough that their capitalised form is masked all the same.
_CAPITALISED: Final = frozenset(
    """
    mark bill art rose grace hope faith joy april june august summer dawn page young long short
    king bishop church wood field hill lake stone day gross groß klein lang kurz jung weiß
    schwarz braun roth koch bauer
    """.split()
)
_NO_MAILBOX_NAME: Final = frozenset(
    """
    info sales support team office contact hello mail admin service services kontakt no reply
    noreply press presse marketing job jobs career hr it help desk billing invoice invoices
    rechnung buchhaltung customer kunden group news newsletter shop web user name first last
    vorname nachname prenom nom my your the test dev data account accounts security legal
    """.split()
)


class KnownValues:
    """Values found so far in a request, and where else they stand."""

    def __init__(self) -> None:
        self._by_first_run: dict[str, list[tuple[str, int, str]]] = {}
        self._cjk: dict[str, str] = {}
        self._seen: set[tuple[str, str]] = set()

    def learn(self, text: str, spans: Sequence[Span]) -> None:
        for span in spans:
            value = text[span.start : span.end]
            if (span.entity_type, value) in self._seen:
                continue
            self._seen.add((span.entity_type, value))
            self._add(value, span.entity_type)
            if span.entity_type == "PERSON":
                for part in dict.fromkeys(_name_parts(value)):
                    self._add(part, span.entity_type)
            elif span.entity_type == "EMAIL_ADDRESS":
                for part in _mailbox_names(value):
                    self._add(part, "PERSON")

    def extend(self, text: str, spans: Sequence[Span]) -> Sequence[Span]:
        """``spans`` and the known values that they leave uncovered, in order, not overlapping."""
        starts = [span.start for span in spans]
        extra = [
            Span(start, end, entity_type, 0.6, "known-value@1")
            for start, end, entity_type in self._find(text)
            if not _covered(start, end, spans, starts)
        ]
        return resolve(text, [*spans, *extra]) if extra else spans

    def _add(self, value: str, entity_type: str) -> None:
        shortest = _SHORTEST_NUMBER if value.isdigit() else _SHORTEST_VALUE
        if value.isalnum():
            run, offset = value, 0
        elif (first := _RUN.search(value)) is not None:
            run, offset = first[0], first.start()
        else:
            return
        if not value.isascii() and _CJK.search(value):
            if len(value) >= 2:
                self._cjk.setdefault(value, entity_type)
            return
        if len(value) < shortest:
            return
        entry = (value, offset, entity_type)
        entries = self._by_first_run.setdefault(run, [])
        if entry not in entries:
            entries.append(entry)
            if len(entries) > 1:
                entries.sort(key=_longest_first)

    def _find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where each known value stands: ``(start, end, entity type)``."""
        for word, entries in self._by_first_run.items():
            start = text.find(word)
            while start >= 0:
                end = start + len(word)
                if (start == 0 or not text[start - 1].isalnum()) and _ends_run(text, end):
                    found = _longest_at(entries, text, start)
                    if found is not None:
                        yield found
                start = text.find(word, end)
        for value, entity_type in self._cjk.items():
            start = text.find(value)
            while start >= 0:
                yield start, start + len(value), entity_type
                start = text.find(value, start + len(value))


def _longest_first(entry: tuple[str, int, str]) -> int:
    return -len(entry[0])


def _ends_run(text: str, end: int) -> bool:
    """No letter or digit follows, or an s behind which none does."""
    rest = text[end : end + 2]
    if not rest or not rest[0].isalnum():
        return True
    return rest[0] == "s" and (len(rest) == 1 or not rest[1].isalnum())


def _longest_at(
    entries: Iterable[tuple[str, int, str]], text: str, run: int
) -> tuple[int, int, str] | None:
    for value, offset, entity_type in entries:
        start = run - offset
        end = start + len(value)
        if start >= 0 and text.startswith(value, start) and _ends_word(text, end):
            return start, end, entity_type
    return None


def _ends_word(text: str, end: int) -> bool:
    if not text[end - 1].isalnum():
        return True
    rest = text[end : end + 2]
    if not rest or not rest[0].isalnum() or _CJK.match(rest):
        return True
    return rest[0] == "s" and (len(rest) == 1 or not rest[1].isalnum())


def _name_parts(value: str) -> list[str]:
    """Parts of a name of three letters and more, in the spellings that a sentence may use."""
    parts: list[str] = []
    ascii_only = value.isascii()
    for part in _RUN.findall(value):
        lower = part.lower()
        is_cjk = not ascii_only and _CJK.search(part) is not None
        if is_cjk:
            # 格蕾塔·沃格尔 by its halves, 王小明 also as 小明.
            parts += [part] if len(part) < len(value) else [part[1:]] if len(part) == 3 else []
        if len(part) < _SHORTEST_PART or part.isdigit() or is_cjk:
            continue
        if lower not in _NO_NAME:
            parts += (part, lower, part.upper(), part.capitalize())
        elif lower in _CAPITALISED:
            parts += (lower.capitalize(), part.upper())
    return [*parts, value.lower(), value.upper()] if parts else parts


def _mailbox_names(address: str) -> list[str]:
    """``greta.vogel@...`` tells two names; ``sales.team@...`` and ``bo@...`` tell none."""
    parts = [part for part in re.split(r"[._+-]", address.partition("@")[0]) if part.isalpha()]
    names = [part for part in parts if len(part) >= _SHORTEST_PART]
    if len(parts) < 2 or any(part.lower() in _NO_MAILBOX_NAME for part in parts):
        return []
    return [name.capitalize() for name in names if name.lower() not in _NO_NAME]


def _covered(start: int, end: int, spans: Sequence[Span], starts: Sequence[int]) -> bool:
    """One of ``spans``, which are sorted and do not overlap, holds all of ``text[start:end]``."""
    index = bisect_right(starts, start)
    return index > 0 and spans[index - 1].end >= end
