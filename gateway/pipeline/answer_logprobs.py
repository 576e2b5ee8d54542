"""The token log probabilities beside a text, kept in step with what is done to the text.

Entries whose text goes out as it came stay as they are. Entries that touch something replaced
become one entry with the new text, the sum of their log probabilities and no alternatives: these
were alternatives to something that the client does not see. Entries that do not spell the text
are dropped, since nobody could tell what they would give away.
"""

import re
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from guardrails.pii.restore import Piece

# An alternative that is a mailbox or a long number on its own.
_TELLING = re.compile(r"\d{4}|@\w")


class _Entry(NamedTuple):
    start: int
    end: int
    entry: dict[str, Any]


class _Stretch(NamedTuple):
    """Source text from ``start`` to ``end`` and what goes out for it."""

    start: int
    end: int
    text: str
    kept: bool


class Logprobs:
    """One list of entries (``logprobs.content`` or ``.refusal``) of one choice."""

    def __init__(self) -> None:
        self._entries: deque[_Entry] = deque()
        self._stretches: deque[_Stretch] = deque()
        self._spelt = 0
        self._said = 0
        self._out = 0
        self.lost = False

    def add(self, entries: list[Any], text: str) -> None:
        """Take in the entries that came with ``text``."""
        sizes = _sizes(entries, text)
        if sizes is None or self._spelt != self._said:
            self.lost = True
            self._entries.clear()
        self._said += len(text)
        for entry, size in zip(entries, sizes or (), strict=bool(sizes)):
            if not self.lost:
                self._entries.append(_Entry(self._spelt, self._spelt + size, entry))
            self._spelt += size

    def release(self, pieces: "list[Piece]") -> list[dict[str, Any]]:
        """The entries that can go out now that ``pieces`` did."""
        for source, text in pieces:
            end = self._out + len(source)
            self._stretches.append(_Stretch(self._out, end, text, source is text))
            self._out = end
        ready: list[dict[str, Any]] = []
        while self._entries and (group := self._group()) is not None:
            ready.append(group)
        while self._stretches and self._stretches[0].end <= self._start():
            self._stretches.popleft()
        return ready

    def _start(self) -> int:
        return self._entries[0].start if self._entries else self._spelt

    def _group(self) -> dict[str, Any] | None:
        """The next entry to go out, those that share a replacement with it taken in."""
        start, end = self._entries[0].start, self._entries[0].end
        if end > self._out:
            return None
        touched = [item for item in self._stretches if item.start < end and start < item.end]
        if all(item.kept for item in touched):
            return _without_telling(self._entries.popleft().entry)
        while True:
            wider = max(
                [end]
                + [s.end for s in self._stretches if not s.kept and s.start < end and start < s.end]
                + [e.end for e in self._entries if e.start < end]
            )
            if wider == end:
                break
            end = wider
        if end > self._out:
            return None
        merged = []
        while self._entries and self._entries[0].end <= end:
            merged.append(self._entries.popleft().entry)
        return _merged(merged, self._text(start, end))

    def _text(self, start: int, end: int) -> str:
        parts = []
        for item in self._stretches:
            if item.start < end and start < item.end:
                inside = slice(max(0, start - item.start), end - item.start)
                parts.append(item.text[inside] if item.kept else item.text)
        return "".join(parts)


def _sizes(entries: list[Any], text: str) -> list[int] | None:
    """Characters of ``text`` that each entry spells; ``None`` if they spell something else."""
    if not all(isinstance(entry, dict) for entry in entries):
        return None
    tokens = [entry.get("token") for entry in entries]
    if all(isinstance(token, str) for token in tokens) and "".join(tokens) == text:  # type: ignore[arg-type]
        return [len(token) for token in tokens]  # type: ignore[arg-type]
    try:
        spelt = [bytes(entry["bytes"]) for entry in entries]
    except (KeyError, TypeError, ValueError):
        return None
    if b"".join(spelt) != text.encode("utf-8", "surrogatepass"):
        return None
    # A character cut in several tokens belongs to the one that ends it.
    ends, so_far = [0], b""
    for part in spelt:
        so_far += part
        ends.append(len(so_far.decode("utf-8", "ignore")))
    return [after - before for before, after in pairwise(ends)]


def _merged(entries: list[dict[str, Any]], text: str) -> dict[str, Any]:
    numbers = [entry.get("logprob") for entry in entries]
    total = sum(number for number in numbers if isinstance(number, int | float))
    merged: dict[str, Any] = {"token": text, "logprob": total}
    merged["bytes"] = list(text.encode("utf-8", "replace"))
    merged["top_logprobs"] = []
    return merged


def _without_telling(entry: dict[str, Any]) -> dict[str, Any]:
    others = entry.get("top_logprobs")
    if not isinstance(others, list):
        return entry
    good = [item for item in others if not _TELLING.search(str(_token(item)))]
    return entry if len(good) == len(others) else {**entry, "top_logprobs": good}


def _token(item: Any) -> Any:
    return item.get("token") if isinstance(item, dict) else item
