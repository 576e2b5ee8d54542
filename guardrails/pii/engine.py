"""Find personal data and secrets in one text.

Recognizers (Presidio's interface) find candidates; a threshold, an overlap rule and the spread
of found values make spans of them; results are cached per text. The engine decides nothing: what
happens to a finding is the policy's matter, and which token stands for it the scope's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from guardrails.errors import GuardUnavailable, InputTooLong
from guardrails.pii.cache import FindingsCache
from guardrails.pii.entities import DEFAULT_ENTITIES
from guardrails.pii.propagate import KnownValues
from guardrails.pii.spans import resolve
from guardrails.types import Span

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

LANGUAGES: Final = ("en", "de", "zh", "fr")
MAX_CHARACTERS: Final = 4_000_000
NameEngine = Literal["sovgate", "spacy", "transformers", "none"]
_READY_S: Final = 15.0
_RULES_VERSION: Final = "sovgate-1"


class PiiEngine:
    """One per process; ``detect`` may be called from any number of threads.

    Args:
        recognizers: Presidio recognizers. Their ``supported_language`` is one of the engine's
            languages or ``xx`` for any.
        version: what the audit record calls this engine.
        cache: findings per text; ``None`` makes one of the default size.
    """

    def __init__(
        self,
        recognizers: Sequence[EntityRecognizer],
        *,
        version: str,
        languages: Sequence[str] = LANGUAGES,
        cache: FindingsCache | None = None,
    ) -> None:
        # Presidio, its dependencies and the automata come in where an engine is made.
        from guardrails.pii.finder import Finder

        self._recognizers = tuple(recognizers)
        self._finder = Finder(self._recognizers)
        self.version = version
        self.languages = tuple(languages)
        self.entities = DEFAULT_ENTITIES.union(
            *(recognizer.supported_entities for recognizer in recognizers)
        )
        self._cache = FindingsCache() if cache is None else cache

    @classmethod
    def load(
        cls,
        languages: Sequence[str] = LANGUAGES,
        ner: NameEngine = "sovgate",
        *,
        model: Path | None = None,
        extra: Iterable[EntityRecognizer] = (),
        cache: FindingsCache | None = None,
    ) -> PiiEngine:
        """Build the recognizers; reads the models, so once per process.

        Args:
            ner: who finds names: our own taggers, spaCy's small English model, a model for
                `transformers`, nobody.
            model: the folder of a model for `transformers`.
            extra: further Presidio recognizers, such as a customer's own.
            cache: findings per text; ``None`` makes one of the default size.

        Raises:
            GuardUnavailable: a recognizer or the model cannot be loaded.
        """
        try:
            from guardrails.pii.recognizers.catalogue import build_recognizers

            recognizers = [*build_recognizers(languages, ner, model), *extra]
        except Exception as error:
            raise GuardUnavailable(
                "The detectors of personal data could not be loaded; check that presidio-analyzer"
                " and the models are installed.",
                cause=type(error).__name__,
            ) from error
        parts = [f"presidio-{distribution_version('presidio-analyzer')}", _RULES_VERSION]
        if ner in {"spacy", "transformers"}:
            parts.append(f"{ner}-{distribution_version(ner)}")
        engine = cls(recognizers, version="+".join(parts), languages=languages, cache=cache)
        # A second where the automata were built before; the rules run plainly if it takes longer.
        engine.wait(_READY_S)
        return engine

    def wait(self, timeout: float | None = None) -> bool:
        """Until the rules' automata are built: the same findings before, several times slower.

        Args:
            timeout: seconds; ``None`` waits as long as it takes.
        """
        return self._finder.wait(timeout)

    def detect(
        self,
        text: str,
        *,
        entities: frozenset[str] | None = None,
        languages: Sequence[str] | None = None,
        extra: Sequence[EntityRecognizer] = (),
        allow: Callable[[str], bool] | None = None,
    ) -> list[Span]:
        """Spans of personal data, sorted, none overlapping.

        Args:
            entities: the types looked for; ``None`` for ``DEFAULT_ENTITIES``.
            languages: whose wording is understood; ``None`` for all that were loaded.
            extra: further recognizers, such as a tenant's own; all their types are looked for.
            allow: says of a found value that it is none. Findings of such calls are not cached.

        Raises:
            GuardUnavailable: a recognizer failed. Nothing may be sent on then.
            InputTooLong: more than ``MAX_CHARACTERS``.
        """
        if not text or text.isspace():
            return []
        if len(text) > MAX_CHARACTERS:
            raise InputTooLong(
                f"A text of the request has {len(text)} characters; send at most"
                f" {MAX_CHARACTERS} in one."
            )
        wanted = DEFAULT_ENTITIES if entities is None else entities
        spoken = self.languages if languages is None else tuple(languages)
        if extra or allow is not None:
            return self._find(text, wanted, frozenset(spoken), extra, allow)
        key = self._cache.key(text, _looked_for(wanted, spoken))
        spans = self._cache.get(key)
        if spans is None:
            spans = tuple(self._find(text, wanted, frozenset(spoken)))
            self._cache.put(key, spans)
        return list(spans)

    def _find(
        self,
        text: str,
        wanted: frozenset[str],
        languages: frozenset[str],
        extra: Sequence[EntityRecognizer] = (),
        allow: Callable[[str], bool] | None = None,
    ) -> list[Span]:
        found = self._finder.find(text, wanted, languages, extra)
        if allow is not None:
            found = [span for span in found if not allow(text[span.start : span.end])]
        spans = resolve(text, found)
        known = KnownValues()
        known.learn(text, spans)
        return list(known.extend(text, spans))


@lru_cache(maxsize=256)
def _looked_for(wanted: frozenset[str], languages: tuple[str, ...]) -> bytes:
    """The same bytes for the same types and languages, few of them: each text hashes them."""
    return blake2b(repr((sorted(wanted), sorted(languages))).encode(), digest_size=16).digest()
