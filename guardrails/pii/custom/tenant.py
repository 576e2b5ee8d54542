"""All recognizers of one tenant, ready for the engine.

Built from plain values and rebuilt from them in another process: it can be pickled.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from guardrails.errors import GuardUnavailable
from guardrails.pii.custom.definition import AllowList, RecognizerSpec
from guardrails.pii.custom.registry import RegistryFile

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

_MOST_REBUILT: Final = 64


@dataclass(frozen=True, slots=True)
class Source:
    """A definition, and what its findings' detector is called: ``custom:NAME@version``."""

    spec: RecognizerSpec
    version: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that a tenant's recognizers are made of.

    Args:
        version: differs wherever anything of this does, over all tenants; no personal data can
            be told from it.
    """

    definitions: tuple[Source, ...] = ()
    allow_lists: tuple[AllowList, ...] = ()
    registry: RegistryFile | None = None
    version: str = ""


class TenantRecognizers:
    """What one tenant adds to the engine.

    Args:
        recognizers: Presidio recognizers, for ``PiiEngine.detect(extra=...)``.
        allow: says of a found value whether it stays; ``None`` where nothing is allowed.
        version: belongs into the key of every cache of findings.
        sources: what it was built from, to build it again in another process.
    """

    __slots__ = ("_sources", "allow", "recognizers", "version")

    def __init__(
        self,
        recognizers: Sequence["EntityRecognizer"] = (),
        allow: Callable[[str], bool] | None = None,
        version: str = "",
        sources: Sources | None = None,
    ) -> None:
        self.recognizers = tuple(recognizers)
        self.allow = allow
        self.version = version
        self._sources = sources

    @property
    def entities(self) -> frozenset[str]:
        """The types that its recognizers find, also ones that the engine does not know."""
        return frozenset[str]().union(*(each.supported_entities for each in self.recognizers))

    def __bool__(self) -> bool:
        return bool(self.recognizers) or self.allow is not None

    def __reduce__(self) -> tuple[Callable[[Sources], "TenantRecognizers"], tuple[Any]]:
        if self._sources is None:
            raise TypeError("these recognizers were not built from definitions")
        return _rebuilt, (self._sources,)


def build(sources: Sources) -> TenantRecognizers:
    """Compile a tenant's recognizers.

    Raises:
        GuardUnavailable: one of them cannot be compiled, so nobody would look for its values.
    """
    from guardrails.pii.custom.allow import Allowed
    from guardrails.pii.custom.recognizer import ANY_LANGUAGE, CustomRecognizer

    recognizers: list[EntityRecognizer] = []
    try:
        for source in sources.definitions:
            if source.spec.entity is not None:
                recognizers += [
                    CustomRecognizer(source.spec, version=source.version, language=language)
                    for language in source.spec.languages or [ANY_LANGUAGE]
                ]
        if sources.registry is not None:
            recognizers += sources.registry.recognizers()
        lists = [source.spec.allow_list for source in sources.definitions]
        allowed = Allowed([each for each in (*lists, *sources.allow_lists) if each])
    except Exception as error:
        raise GuardUnavailable(
            "A recognizer of the tenant cannot be used, so nothing is let through; correct it or"
            " delete it.",
            cause=type(error).__name__,
        ) from None
    return TenantRecognizers(recognizers, allowed if allowed else None, sources.version, sources)


class _Rebuilt:
    """In a process beside the gateway: the latest builds by version."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, TenantRecognizers] = OrderedDict()

    def of(self, sources: Sources) -> TenantRecognizers:
        with self._lock:
            built = self._kept.get(sources.version)
            if built is None:
                built = self._kept[sources.version] = build(sources)
                if len(self._kept) > _MOST_REBUILT:
                    self._kept.popitem(last=False)
            return built


_REBUILT: Final = _Rebuilt()


def _rebuilt(sources: Sources) -> TenantRecognizers:
    return _REBUILT.of(sources)
