"""A kind of number: its shape, its check, its words; and the rules that follow from them.

Scores order what fits the same digits: a right checksum beside the kind's own word (0.9 and up,
the nearer the higher), then one beside a word for such numbers in general, then what has a word
but no checksum, then a checksum alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from guardrails.pii.recognizers.base import Rule
from guardrails.pii.recognizers.national.shapes import alone, whole

TOLD: Final = 0.9
GENERIC: Final = 0.82
UNCHECKED: Final = 0.7


@dataclass(frozen=True, slots=True)
class Kind:
    """One entity type's way to be written.

    Args:
        shape: the pattern without borders; ``whole`` adds them.
        words: what must stand near; "" where no word is enough.
        check: says whether a candidate is real; ``None`` accepts all.
        bare: the score without any word; 0 means never.
        generic: words for such numbers in general that will do too, if a check passes.
        told: the score beside its word.
        close: the word must stand close even though there is a check, a weak one.
        names: names of this very number, close to which one with a wrong checksum counts, too:
            mistyped it is still somebody's.

    Without a check the word must stand close, since any number would do.
    """

    entity: str
    shape: str
    words: str = ""
    check: Callable[[str], bool] | None = None
    bare: float = 0.0
    generic: str = ""
    told: float = TOLD
    close: bool = False
    names: str = ""

    def rules(self) -> list[Rule]:
        pattern = whole(self.shape)
        rules: list[Rule] = []
        if self.words:
            name = "checksum and word" if self.check else "beside its word"
            close = self.close or self.check is None
            rules.append(Rule(name, pattern, self.told, self.check, self.words, close=close))
        if self.names:
            unchecked = Rule("beside its name", pattern, UNCHECKED, context=self.names, close=True)
            rules.append(unchecked)
        if self.generic:
            rules.append(
                Rule(
                    "checksum, general word",
                    pattern,
                    GENERIC,
                    self.check,
                    self.generic,
                    close=True,
                )
            )
        if self.bare:
            rules.append(Rule("checksum", alone(self.shape), self.bare, self.check))
        return rules


def kinds(*tables: tuple[Kind, ...]) -> dict[str, tuple[Rule, ...]]:
    """Entity type -> its rules."""
    rules: dict[str, list[Rule]] = {}
    for table in tables:
        for kind in table:
            rules.setdefault(kind.entity, []).extend(kind.rules())
    return {entity: tuple(each) for entity, each in rules.items()}
