"""What requests of a model really use: a bound below the worst case, learned from usage.

The worst case takes every byte of a body for two tokens and every allowed token for
an answer's; real requests use a small part of both. A bound learned from the last
requests lets more of them run at once near the edge of a budget. It is no promise:
a request that uses more passes its reservation by that, which ``billing check`` shows.
"""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction

_LEAST = 200
_KEPT = 1000
_MARGIN = Fraction(3, 2)
# Looking at a thousand numbers for every request would cost more than it saves.
_EVERY = 50


@dataclass(slots=True)
class _Seen:
    """Output tokens, and input tokens per byte of the body, of the last requests."""

    outputs: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))
    densities: deque[Fraction] = field(default_factory=lambda: deque(maxlen=_KEPT))
    count: int = 0
    output: int = 0
    density: Fraction = Fraction(0)

    def add(self, body_bytes: int, input_tokens: int, output_tokens: int) -> None:
        self.outputs.append(output_tokens)
        self.densities.append(Fraction(input_tokens, body_bytes))
        self.count += 1
        if self.count >= _LEAST and self.count % _EVERY == 0:
            self.output, self.density = max(self.outputs), max(self.densities)

    @property
    def is_known(self) -> bool:
        return self.count >= _LEAST


class LearnedBounds:
    """By model: the highest of the last thousand requests and half as much again.

    Nothing is bounded before two hundred requests were seen. It knows one process.
    """

    def __init__(self) -> None:
        self._models: dict[str, _Seen] = {}

    def observe(
        self, model: str, *, body_bytes: int, input_tokens: int, output_tokens: int
    ) -> None:
        """A request that was served to its end, with the upstream's own counts."""
        if body_bytes > 0:
            seen = self._models.setdefault(model, _Seen())
            seen.add(body_bytes, input_tokens, output_tokens)

    def input_tokens(self, model: str, body_bytes: int, worst: int) -> int:
        """At most ``worst``."""
        seen = self._models.get(model)
        if seen is None or not seen.is_known:
            return worst
        return min(worst, _up(seen.density * body_bytes * _MARGIN))

    def output_tokens(self, model: str, worst: int) -> int:
        """At most ``worst``."""
        seen = self._models.get(model)
        if seen is None or not seen.is_known:
            return worst
        return min(worst, _up(seen.output * _MARGIN))


def _up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
