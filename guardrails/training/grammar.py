"""A tiny template grammar: sections of lines with ``{slots}``, expanded with a seed.

    @who = my manager | a customer
    == chat easy
    Write a note to {who}.

Slots may follow anywhere in the file; ``{paste}`` is left for the caller, who fills it with
a passage of text.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

_SLOT = re.compile(r"\{(\w+)\}")
PASTE = "paste"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One template and the words of its section heading."""

    heading: tuple[str, ...]
    template: str


@dataclass(frozen=True, slots=True)
class Grammar:
    """Templates of one file and its slots."""

    phrases: tuple[Phrase, ...]
    slots: dict[str, tuple[str, ...]]

    @classmethod
    def read(cls, name: str) -> "Grammar":
        """Read ``phrases/<name>.txt``."""
        source = resources.files("guardrails.training") / "phrases" / f"{name}.txt"
        return cls.parse(source.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> "Grammar":
        phrases: list[Phrase] = []
        slots: dict[str, tuple[str, ...]] = {}
        heading: tuple[str, ...] = ()
        for line in text.splitlines():
            if line.startswith("@"):
                slot, _, values = line[1:].partition("=")
                slots[slot.strip()] = tuple(value.strip() for value in values.split("|"))
            elif line.startswith("== "):
                heading = tuple(line[3:].split())
            elif line.strip() and not line.startswith("#"):
                phrases.append(Phrase(heading, line))
        return cls(tuple(phrases), slots)

    def expand(
        self, each: int, rng: random.Random, passages: Sequence[str] = ()
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Up to ``each`` distinct texts per template, with the heading."""
        for phrase in self.phrases:
            seen: set[str] = set()
            for _ in range(each):
                seen.add(self._fill(phrase.template, rng, passages))
            yield from ((phrase.heading, text) for text in sorted(seen))

    def _fill(self, template: str, rng: random.Random, passages: Sequence[str]) -> str:
        def value(match: re.Match[str]) -> str:
            slot = match.group(1)
            if slot == PASTE:
                return rng.choice(passages) if passages else ""
            return rng.choice(self.slots[slot])

        text = _SLOT.sub(value, template)
        return text[:1].upper() + text[1:] if rng.random() < 0.8 else text
