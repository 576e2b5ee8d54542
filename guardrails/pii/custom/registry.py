"""A customer's Presidio recognizer registry, taken over from its YAML file.

Presidio's own format: ``recognizers`` with ``name``, ``type`` (predefined or custom), languages,
``patterns``, ``deny_list``, ``context``. Patterns run by the linear-time engine where they can,
else under a budget of time; Presidio itself would skip a pattern that takes too long, and the
value would pass. Its word models (spaCy, transformers, stanza) are left out: names are found by
the engine's own. What else cannot run here is refused, so that nobody believes it does.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from core.yaml_text import InvalidYaml, read_yaml
from guardrails.pii.custom.definition import ContextSpec, DenyList, RecognizerSpec
from guardrails.pii.custom.errors import InvalidRecognizer, InvalidRegistry

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

    from guardrails.pii.custom.recognizer import Finder

_SPOKEN: Final = frozenset({"en", "de", "zh", "fr"})
_ANY: Final = "xx"
_PRESIDIO_FLAGS: Final = re.DOTALL | re.MULTILINE | re.IGNORECASE
_MAX_RECOGNIZERS: Final = 300
_COUNTS: Final = 0.5  # the engine's threshold
# Presidio raises a score by this where a context word stands near.
_BOOST: Final = 0.35
_WORD_MODELS: Final = frozenset({"SpacyRecognizer", "StanzaRecognizer", "TransformersRecognizer"})
_FINDS_NOTHING: Final = "(?!)"


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """The file's content as it was read at start."""

    text: str
    digest: str

    @classmethod
    def read(cls, path: Path) -> "RegistryFile":
        """Raises: InvalidRegistry."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise InvalidRegistry(
                f"The registry file {path} cannot be read; check its path and its encoding.",
                param="registry_file",
            ) from None
        return cls(text, hashlib.sha256(text.encode()).hexdigest())

    def recognizers(self) -> "list[EntityRecognizer]":
        """Presidio recognizers for the engine.

        Raises:
            InvalidRegistry: one of them cannot run here; the message names it.
        """
        content = self._content()
        flags = content.get("global_regex_flags", _PRESIDIO_FLAGS)
        found: list[EntityRecognizer] = []
        for index, entry in enumerate(content["recognizers"]):
            entry = {"name": entry, "type": "predefined"} if isinstance(entry, str) else entry
            if not isinstance(entry, Mapping):
                raise InvalidRegistry(f"Recognizer {index + 1} of the registry is no mapping.")
            if entry.get("enabled", True):
                found += _taken_over(entry, content, int(flags))
        return found

    def _content(self) -> dict[str, Any]:
        try:
            content = read_yaml(self.text)
        except InvalidYaml as error:
            raise InvalidRegistry(f"The registry file is not valid YAML: {error}.") from None
        listed = content.get("recognizers") if isinstance(content, dict) else None
        if not isinstance(listed, list) or len(listed) > _MAX_RECOGNIZERS:
            raise InvalidRegistry(
                f"The registry file must hold a list `recognizers` of at most {_MAX_RECOGNIZERS}."
            )
        return content


def _taken_over(
    entry: Mapping[str, Any], content: Mapping[str, Any], flags: int
) -> "Iterator[EntityRecognizer]":
    name = str(entry.get("name", "unnamed"))
    try:
        for language, context in _languages(entry, content):
            if entry.get("type", "custom") == "predefined":
                yield from _predefined(entry, language, context, flags)
            else:
                yield _custom(entry, language, context, flags)
    except (InvalidRecognizer, ValidationError, TypeError, KeyError, ValueError) as error:
        reason = error.message if isinstance(error, InvalidRecognizer) else _reason(error)
        raise InvalidRegistry(
            f"The registry's recognizer {_slug(name)} cannot be used: {reason}",
            param="registry_file",
        ) from None


def _reason(error: Exception) -> str:
    """Names the field, never its value: deny lists hold personal data."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'definition'}: {first['msg']}."
    return "its fields are not what Presidio's format says."


def _languages(
    entry: Mapping[str, Any], content: Mapping[str, Any]
) -> Iterator[tuple[str, list[str]]]:
    """Language and context words; a language that the engine does not tell apart means any."""
    shared = list(entry.get("context") or [])
    named = entry.get("supported_languages") or [entry.get("supported_language")]
    if named == [None]:
        named = content.get("supported_languages") or [_ANY]
    for each in named:
        code, context = (
            (each["language"], list(each.get("context") or []) or shared)
            if isinstance(each, Mapping)
            else (each, shared)
        )
        yield (code if code in _SPOKEN else _ANY), context


def _custom(
    entry: Mapping[str, Any], language: str, context: list[str], flags: int
) -> "EntityRecognizer":
    entity = entry.get("supported_entity") or entry["supported_entities"][0]
    patterns = [
        (str(each["regex"]), float(each.get("score", 0.5)), str(each.get("name", "pattern")), None)
        for each in entry.get("patterns") or []
    ]
    deny = entry.get("deny_list")
    return _build(
        str(entry["name"]),
        str(entity),
        language,
        context,
        flags,
        patterns,
        DenyList(
            values=[str(value) for value in deny],
            score=float(entry.get("deny_list_score", 1.0)),
            ignore_case=bool(flags & re.IGNORECASE),
        )
        if deny
        else None,
    )


def _predefined(
    entry: Mapping[str, Any], language: str, context: list[str], flags: int
) -> "Iterator[EntityRecognizer]":
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    name = str(entry.get("class_name") or entry["name"])
    if name in _WORD_MODELS:
        return
    kind: Any = getattr(predefined_recognizers, name, None)
    if kind is None:
        raise InvalidRegistry("Presidio has no recognizer of this name.")
    if name == "PhoneRecognizer":
        recognizer = kind(supported_language=language)
        recognizer.context = None
        yield recognizer
        return
    if not issubclass(kind, PatternRecognizer):
        raise InvalidRegistry("it needs a model or a service, which does not run in the gateway.")
    stock: Any = kind(supported_language=language)  # type: ignore[call-arg]
    check = _check_of(stock)
    patterns = [(each.regex, each.score, each.name, check) for each in stock.patterns or []]
    words = context or list(stock.context or [])
    entity = stock.supported_entities[0]
    yield _build(name, entity, language, words, flags, patterns, None)


def _check_of(stock: Any) -> Callable[[str], bool | None]:
    def check(value: str) -> bool | None:
        if stock.invalidate_result(value):
            return False
        return stock.validate_result(value)

    return check


def _build(
    name: str,
    entity: str,
    language: str,
    context: Sequence[str],
    flags: int,
    patterns: Sequence[tuple[str, float, str, Callable[[str], bool | None] | None]],
    deny: DenyList | None,
) -> "EntityRecognizer":
    from guardrails.pii.custom.definition import PatternSpec
    from guardrails.pii.custom.recognizer import CustomRecognizer, Rule

    # A score below the engine's threshold means "only near a context word" to Presidio's users;
    # without context words such a finding would be lost, so it counts.
    low = min((score for _, score, _, _ in patterns), default=_COUNTS)
    spec = RecognizerSpec(
        name=_slug(name),
        entity=re.sub(r"[^A-Z0-9]+", "_", entity.upper()).strip("_"),
        # Compiled below with the file's own flags.
        patterns=[PatternSpec(regex=_FINDS_NOTHING)] if patterns else [],
        deny_list=deny,
        context=ContextSpec(words=list(context), boost=max(_BOOST, _COUNTS - low))
        if context
        else None,
    )
    rules = [
        Rule(_compiled(regex, flags), score if context else max(score, _COUNTS), label[:60], check)
        for regex, score, label, check in patterns
    ]
    return CustomRecognizer(spec, version="registry", language=language, rules=rules)


def _compiled(regex: str, flags: int) -> "Finder":
    from guardrails.pii.custom.budgeted import BudgetedPattern
    from guardrails.pii.custom.linear import LinearPattern

    pattern: LinearPattern | BudgetedPattern
    try:
        pattern = LinearPattern(regex, flags)
    except InvalidRecognizer:
        # Syntax of ``regex`` that Python's parser does not know comes this way too.
        pattern = BudgetedPattern(regex, flags)
    return pattern


def _slug(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:63] or "unnamed"
