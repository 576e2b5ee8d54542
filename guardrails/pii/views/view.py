"""A changed reading of a piece of a text that knows where each of its characters came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Edit: TypeAlias = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class View:
    """A reading, character by character.

    Args:
        text: the reading.
        starts, ends: of each of its characters, where what it stands for began and ended in the
            original.
    """

    text: str
    starts: list[int]
    ends: list[int]

    @classmethod
    def of(cls, text: str, low: int, high: int) -> View:
        """``text[low:high]`` as it is."""
        return cls(text[low:high], list(range(low, high)), list(range(low + 1, high + 1)))

    def edited(self, edits: Iterable[Edit]) -> View:
        """With pieces replaced.

        Args:
            edits: ``(start, end, replacement)`` in offsets of this view, sorted and apart. Each
                character of a replacement stands for the whole piece.
        """
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        for start, end, replacement in edits:
            if start == end:
                continue
            parts += (self.text[position:start], replacement)
            starts += self.starts[position:start]
            ends += self.ends[position:start]
            starts += [self.starts[start]] * len(replacement)
            ends += [self.ends[end - 1]] * len(replacement)
            position = end
        if not position:
            return self
        parts.append(self.text[position:])
        starts += self.starts[position:]
        ends += self.ends[position:]
        return View("".join(parts), starts, ends)

    def back(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in the original of what ``text[start:end]`` stands for."""
        return self.starts[start], self.ends[end - 1]

    def moved(self, by: int) -> View:
        """The same reading of a text that has ``by`` more characters before."""
        return View(
            self.text, [start + by for start in self.starts], [end + by for end in self.ends]
        )
