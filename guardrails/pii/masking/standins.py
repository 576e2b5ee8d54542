"""Which text stands for which value in one request.

It asks the conversation's memory first, so that a value keeps its stand-in over turns, and
enters what it issues into the table that answers are searched with. A remembered stand-in that
the client has written into this request itself is not used again: the value gets a new one.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from guardrails.pii.masking.marks import partial_mask, redaction_mark
from guardrails.pii.masking.memory import Remembered, ScopeMemory
from guardrails.pii.masking.reserved import ReservedTexts
from guardrails.pii.masking.surrogates import Surrogates
from guardrails.pii.tokens import TokenTable, token_name
from guardrails.types import MaskMode

_RESTORED: Final = frozenset({MaskMode.PLACEHOLDER, MaskMode.SURROGATE, MaskMode.HASH})
_HASH_LENGTH: Final = 10
_LONGEST_HASH: Final = 32


class StandIn(NamedTuple):
    """What takes a value's place, and how."""

    text: str
    mode: MaskMode


class StandIns:
    """One request's stand-ins.

    Args:
        memory: of the conversation; what is issued here is added to it.
        modes: by entity type; a type that is not named gets a placeholder.
        surrogates: false gives placeholders in their place.
    """

    def __init__(
        self,
        reserved: ReservedTexts,
        memory: ScopeMemory,
        modes: Mapping[str, MaskMode],
        *,
        surrogates: bool = True,
    ) -> None:
        self.table = TokenTable()
        self.counts: Counter[str] = Counter()
        self.blocked: set[str] = set()
        self._reserved = reserved
        self._memory = memory
        self._modes = modes
        self._issued: dict[tuple[str, str], StandIn] = {}
        self._placeholders: dict[tuple[str, str], str] = {}
        self._surrogates = Surrogates(memory, reserved) if surrogates else None

    @property
    def has_surrogates(self) -> bool:
        return any(issued.mode is MaskMode.SURROGATE for issued in self._issued.values())

    @property
    def values(self) -> set[str]:
        """What was masked, in whatever mode."""
        return {value for _, value in self._issued}

    def of(self, entity_type: str, value: str) -> str:
        """The value's stand-in, issued now if it has none."""
        key = (entity_type, value)
        issued = self._issued.get(key)
        if issued is None:
            issued = self._issued[key] = self._issue(entity_type, value)
            self.counts[entity_type] += 1
        return issued.text

    def placeholder(self, entity_type: str, value: str) -> str:
        """``[PERSON_1]``, also for a value whose surrogate would not be found again."""
        key = (entity_type, value)
        if key not in self._placeholders:
            self._placeholders[key] = self._number(entity_type, value)
        return self._placeholders[key]

    def exact(self, entity_type: str, value: str) -> str:
        """The stand-in, but a placeholder in place of a surrogate."""
        text = self.of(entity_type, value)
        if self._issued[entity_type, value].mode is not MaskMode.SURROGATE:
            return text
        return self.placeholder(entity_type, value)

    def inflect(self, entity_type: str, value: str, ending: str) -> None:
        """A surrogate went out with an ending of the text: in that form it comes back too."""
        issued = self._issued[entity_type, value]
        form = issued.text + ending
        if issued.mode is MaskMode.SURROGATE and not self._reserved.holds(form, besides=value):
            self.table.add_literal(form, value + ending)

    def returned(self, entity_type: str, value: str) -> str:
        """What the client gets back for the stand-in: the value, or a mask that stays."""
        issued = self._issued[entity_type, value]
        return value if issued.mode in _RESTORED else issued.text

    def _issue(self, entity_type: str, value: str) -> StandIn:
        mode = self._modes.get(entity_type, MaskMode.PLACEHOLDER)
        if mode is MaskMode.BLOCK:
            self.blocked.add(entity_type)
            return StandIn(redaction_mark(entity_type), mode)
        if mode is MaskMode.REDACT:
            return StandIn(redaction_mark(entity_type), mode)
        if mode is MaskMode.PARTIAL:
            return StandIn(partial_mask(entity_type, value), mode)
        if mode is MaskMode.HASH:
            text = self._hash(entity_type, value)
            if text is not None:
                return StandIn(text, mode)
        if mode is MaskMode.SURROGATE:
            text = self._surrogate(entity_type, value)
            if text is not None:
                return StandIn(text, mode)
        return StandIn(self.placeholder(entity_type, value), MaskMode.PLACEHOLDER)

    def _surrogate(self, entity_type: str, value: str) -> str | None:
        if self._surrogates is None:
            return None
        known = self._memory.get(entity_type, value, MaskMode.SURROGATE)
        text = known.text if known is not None else None
        if text is None or self._reserved.says(text, besides=value):
            text = self._surrogates.make(entity_type, value)
            if text is None:
                return None
            name = token_name(entity_type)
            self._memory.add(Remembered(entity_type, value, MaskMode.SURROGATE, name, 0, text))
        for literal, meaning in self._surrogates.forms(entity_type, value, text):
            self.table.add_literal(literal, meaning)
        return text

    def _number(self, entity_type: str, value: str) -> str:
        name = token_name(entity_type)
        planted = self._reserved.numbers(name)
        known = self._memory.get(entity_type, value, MaskMode.PLACEHOLDER)
        if known is not None and known.number not in planted:
            self.table.add(name, known.number, value)
            return known.text
        number = self._memory.last_number(name) + 1
        while number in planted:
            number += 1
        text = f"[{name}_{number}]"
        mode = MaskMode.PLACEHOLDER
        self._memory.add(Remembered(entity_type, value, mode, name, number, text))
        self.table.add(name, number, value)
        return text

    def _hash(self, entity_type: str, value: str) -> str | None:
        """``None`` if the client has written all lengths of it: somebody plays with us."""
        name = token_name(entity_type)
        digest = self._memory.value_digest(entity_type, value).hex()
        # A digit first, so that where the name ends can be told.
        digits = str(int(digest[0], 16) % 10) + digest[1:_LONGEST_HASH]
        for length in range(_HASH_LENGTH, _LONGEST_HASH + 1):
            number = digits[:length]
            free = self.table.value_of(name, number) in (None, value)
            if free and not self._reserved.holds(number):
                self.table.add(name, number, value)
                return f"[{name}_{number}]"
        return None
