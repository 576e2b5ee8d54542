"""When experts are asked for unevenly, which layers' are placed anew.

Looks at a window: what was asked for since the last look. Layers of which the busiest process would
have no less to do are left alone, since moving costs a step's time.
"""

from collections.abc import Mapping, Sequence

from inference.parallel.moving import Move
from inference.parallel.placement import Placement, balance, keep_in_place

_WORTH = 0.95  # of what the busiest process has to do now
_SEEN = 1000  # steps between two looks where nothing is to be moved


class Rebalancer:
    """Args: every: steps between two looks; 0: move nothing. redundant: see `balance`."""

    def __init__(self, every: int, redundant: int) -> None:
        self._every, self._redundant, self._moves = every or _SEEN, redundant, every > 0
        self._steps = 0
        self._before: dict[str, list[int]] = {}
        self.imbalance = 1.0  # at the last look: the busiest process's work by the mean's

    def due(self) -> bool:
        """Count a step; whether it is time for a look."""
        self._steps += 1
        return self._steps % self._every == 0

    def look(
        self, loads: Mapping[str, Sequence[int]], placements: Mapping[str, Placement]
    ) -> list[Move]:
        """What should move.

        Args:
            loads: tokens of each expert since the start, by layer.
        """
        window = {
            layer: [now - then for now, then in zip(tokens, self._last(layer, tokens), strict=True)]
            for layer, tokens in loads.items()
        }
        self._before = {layer: list(tokens) for layer, tokens in loads.items()}
        window = {layer: tokens for layer, tokens in window.items() if any(tokens)}
        if window:
            self.imbalance = _imbalance(window, placements)
        if not self._moves:
            return []
        moves = (self._move(layer, window[layer], placements[layer]) for layer in window)
        return [move for move in moves if move is not None]

    def _last(self, layer: str, tokens: Sequence[int]) -> Sequence[int]:
        return self._before.get(layer) or [0] * len(tokens)

    def _move(self, layer: str, tokens: Sequence[int], old: Placement) -> Move | None:
        new = keep_in_place(balance(tokens, len(old.slots), self._redundant), old)
        better = max(new.loads(tokens)) < _WORTH * max(old.loads(tokens))
        return Move(layer, new) if better else None


def _imbalance(window: Mapping[str, Sequence[int]], placements: Mapping[str, Placement]) -> float:
    """Layers run one after the other, so the busiest process of each one counts."""
    loads = [placements[layer].loads(tokens) for layer, tokens in window.items()]
    return sum(map(max, loads)) / sum(sum(found) / len(found) for found in loads)
