"""What a head says of each window of a text: in C where that was built, else in numpy.

Both ways give the same integers, and what follows is the same arithmetic on them, so a verdict
does not depend on the way.
"""

from typing import TYPE_CHECKING

from guardrails.linear.features import FeatureSpec, featurize
from guardrails.linear.fold import clean, tables
from guardrails.linear.head import LinearHead, Sums

if TYPE_CHECKING:
    from guardrails.linear._native import Hasher


class TextScorer:
    """Sums a head's weights over texts. Immutable, so safe to share between threads."""

    def __init__(self, spec: FeatureSpec, *, native: bool = True) -> None:
        self._spec = spec
        self._hasher = _hasher(spec) if native else None

    @property
    def is_native(self) -> bool:
        return self._hasher is not None

    def windows(self, text: str, head: LinearHead, cleaned: str | None = None) -> list[Sums]:
        """One item per window of a text of any length, at least one.

        Args:
            cleaned: ``clean(text)``, where it is known.
        """
        if self._hasher is None:
            return [head.sums(hashes) for hashes in featurize(text, self._spec).windows()]
        if cleaned is None:
            cleaned = clean(text)
        return self._hasher.sums(cleaned, head.weights, len(head.labels))

    def whole(self, text: str, head: LinearHead) -> Sums:
        """The text as one window."""
        if self._hasher is None:
            return head.sums(featurize(text, self._spec).whole())
        return self._hasher.sums(clean(text), head.weights, len(head.labels), True)[0]


def _hasher(spec: FeatureSpec) -> "Hasher | None":
    try:
        from guardrails.linear._native import Hasher
    except ImportError:  # no C compiler where the package was installed
        return None
    classes, mapped = tables()
    return Hasher(
        classes, mapped, spec.symbols, spec.char_orders, spec.word_orders, spec.window, spec.stride
    )
