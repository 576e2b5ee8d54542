"""Rate limits as values: requests and tokens a minute, requests at a time.

Knows nothing of counters; ``gateway``'s admission stage enforces them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds; ``None`` means unlimited, and zero lets nothing through."""

    rpm: int | None = None
    tpm: int | None = None
    parallel: int | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, int | None] | None) -> Self:
        value = value or {}
        return cls(value.get("rpm"), value.get("tpm"), value.get("parallel"))

    def to_json(self) -> dict[str, int | None]:
        return asdict(self)

    def tightened_by(self, other: "Limits") -> "Limits":
        """The stricter bound of each pair: a key can narrow its tenant, never widen it.

        >>> Limits(rpm=600).tightened_by(Limits(rpm=60, parallel=2))
        Limits(rpm=60, tpm=None, parallel=2)
        """
        return Limits(
            _least(self.rpm, other.rpm),
            _least(self.tpm, other.tpm),
            _least(self.parallel, other.parallel),
        )


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)
