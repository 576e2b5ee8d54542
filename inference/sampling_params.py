"""How one request wants its tokens drawn. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.errors import RequestInvalid

MAX_STOPS = 16


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """Checked on construction.

    ``temperature`` 0 takes the most likely token. ``seed`` makes a draw
    repeatable whatever else is in the batch. ``repetition_penalty`` divides
    the logits of tokens that the answer already holds (prompt tokens are left
    alone, so that names and placeholders can be quoted).

    ``loop_guard`` N > 0 makes a token unlikely that would follow the answer's
    last N tokens as it did before; drawing without it, small models repeat
    themselves. It does not touch greedy decoding (``temperature`` 0).

    Raises:
        RequestInvalid: naming the field that is out of range.
    """

    max_tokens: int = 512
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    loop_guard: int = 0
    ignore_eos: bool = False

    def __post_init__(self) -> None:
        _between("max_tokens", self.max_tokens, 1, 10_000_000)
        _between("temperature", self.temperature, 0.0, 2.0)
        _between("top_p", self.top_p, 0.0, 1.0)
        _between("frequency_penalty", self.frequency_penalty, -2.0, 2.0)
        _between("presence_penalty", self.presence_penalty, -2.0, 2.0)
        _between("repetition_penalty", self.repetition_penalty, 0.1, 10.0)
        _between("loop_guard", self.loop_guard, 0, 1000)
        if len(self.stop) > MAX_STOPS or not all(self.stop):
            raise RequestInvalid(
                f"stop takes at most {MAX_STOPS} texts, none of them empty.", param="stop"
            )

    @property
    def penalised(self) -> bool:
        return bool(self.frequency_penalty or self.presence_penalty) or (
            self.repetition_penalty != 1.0
        )


@dataclass(frozen=True, slots=True)
class SamplingDefaults:
    """What holds where a request says nothing; from ``generation_config.json``."""

    temperature: float = 1.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    loop_guard: int = 0
    max_tokens: int = 512

    @classmethod
    def from_generation_config(
        cls, raw: Mapping[str, Any], max_tokens: int = 512
    ) -> "SamplingDefaults":
        greedy = raw.get("do_sample") is False
        return cls(
            temperature=0.0 if greedy else float(raw.get("temperature", 1.0)),
            top_p=float(raw.get("top_p", 1.0)),
            repetition_penalty=float(raw.get("repetition_penalty", 1.0)),
            loop_guard=int(raw.get("loop_guard", 0)),
            max_tokens=max_tokens,
        )


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RequestInvalid(f"{name} must lie between {low} and {high}.", param=name)
