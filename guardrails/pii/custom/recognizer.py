"""A customer's definition as a Presidio recognizer, which the engine runs beside its own."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from guardrails.pii.imports import without_modules

with without_modules("torch", "tensorflow", "transformers", "gliner", "stanza"):
    from presidio_analyzer import EntityRecognizer, RecognizerResult

from guardrails.pii.custom.definition import PatternSpec, RecognizerSpec
from guardrails.pii.custom.linear import LinearPattern
from guardrails.pii.custom.nearby import Nearby
from guardrails.pii.custom.utf8 import Utf8Text
from guardrails.pii.custom.wordlist import WordList

ANY_LANGUAGE: Final = "xx"
_FLAGS: Final = {"ignore_case": re.IGNORECASE, "multiline": re.MULTILINE, "dot_all": re.DOTALL}


class Finder(Protocol):
    """A compiled pattern."""

    def spans(self, text: Utf8Text) -> list[tuple[int, int]]: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled pattern with what its findings are worth.

    Args:
        check: says of a value whether it is real, where that can be told (a checksum): ``True``
            makes the finding certain, ``False`` drops it, ``None`` leaves it.
    """

    finder: Finder
    score: float
    reason: str
    check: Callable[[str], bool | None] | None = None


def linear(spec: PatternSpec) -> LinearPattern:
    """The pattern compiled. Raises: InvalidRecognizer."""
    return LinearPattern(spec.regex, flags_of(spec), spec.group)


def flags_of(spec: PatternSpec) -> int:
    """Its flags as ``re`` counts them."""
    return sum(_FLAGS[flag].value for flag in spec.flags)


class CustomRecognizer(EntityRecognizer):
    """Finds what one definition says in texts of one language, or of any.

    Args:
        spec: with an entity.
        version: changes with the definition; part of the detector's name in findings.
        rules: the compiled patterns, where they are not to be compiled from ``spec``.
    """

    def __init__(
        self,
        spec: RecognizerSpec,
        *,
        version: str = "1",
        language: str = ANY_LANGUAGE,
        rules: Sequence[Rule] | None = None,
    ) -> None:
        if spec.entity is None:
            raise ValueError("a recognizer finds an entity")
        super().__init__(
            supported_entities=[spec.entity],
            name=f"custom:{spec.name}",
            supported_language=language,
            version=version,
        )
        self._entity = spec.entity
        self._rules = (
            [Rule(linear(each), each.score, each.name) for each in spec.patterns]
            if rules is None
            else list(rules)
        )
        deny = spec.deny_list
        self._deny_score = deny.score if deny else 0.0
        self._deny = (
            WordList(deny.values, ignore_case=deny.ignore_case, whole_words=deny.whole_words)
            if deny
            else None
        )
        self._nearby = Nearby(spec.context) if spec.context else None

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Findings in code points; every pattern's, so they may overlap."""
        source = Utf8Text(text)
        results = [
            self._by_rule(rule, text, start, end)
            for rule in self._rules
            for start, end in rule.finder.spans(source)
        ]
        if self._deny is not None:
            results += [
                self._result(text, start, end, self._deny_score, "deny list")
                for start, end in self._deny.spans(text)
            ]
        return [result for result in results if result is not None]

    def _by_rule(self, rule: Rule, text: str, start: int, end: int) -> RecognizerResult | None:
        real = rule.check(text[start:end]) if rule.check is not None else None
        if real is False:
            return None
        if real:
            return self._result(text, start, end, 1.0, f"{rule.reason}, check passed")
        return self._result(text, start, end, rule.score, rule.reason)

    def _result(
        self, text: str, start: int, end: int, score: float, reason: str
    ) -> RecognizerResult | None:
        """A finding with its reason, where context allows it."""
        if self._nearby is not None:
            with_context = self._nearby.score(text, start, end, score)
            if with_context is None:
                return None
            if with_context > score:
                reason += ", context"
            score = with_context
        metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name, "reason": reason}
        return RecognizerResult(self._entity, start, end, score, recognition_metadata=metadata)
