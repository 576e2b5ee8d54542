"""How one request wants its tokens drawn. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from inference.errors import RequestInvalid

MAX_STOPS = 16
MAX_BIASES = 1024
MAX_LOGPROBS = 20
GREEDY_BELOW = 1e-5  # a lower temperature leaves one token anyway


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """Checked on construction.

    ``temperature`` 0 takes the most likely token. ``seed`` makes a draw
    repeatable whatever else is in the batch. ``repetition_penalty`` divides
    the logits of tokens that the answer already holds (prompt tokens are left
    alone, so that names and placeholders can be quoted).

    Of what ``temperature`` makes of the logits, ``top_k`` keeps the most likely
    tokens (0: all), ``top_p`` the fewest that reach that share of what ``top_k``
    left, ``min_p`` those at least that share as likely as the likeliest.

    ``logit_bias`` holds (token id, bias) pairs, added to the logits. ``min_tokens``
    forbids end tokens and stop strings until the answer has so many tokens.
    ``logprobs`` is how many of the likeliest tokens are told beside each drawn
    one (0: that one alone, None: nothing).

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
    top_k: int = 0
    min_p: float = 0.0
    min_tokens: int = 0
    logit_bias: tuple[tuple[int, float], ...] = ()
    logprobs: int | None = None
    # What the sampler asks of every row in every step:
    greedy: bool = field(init=False, repr=False, default=False)
    penalised: bool = field(init=False, repr=False, default=False)

    def __post_init__(self) -> None:
        _between("max_tokens", self.max_tokens, 1, 10_000_000)
        _between("temperature", self.temperature, 0.0, 2.0)
        _between("top_p", self.top_p, 0.0, 1.0)
        _between("frequency_penalty", self.frequency_penalty, -2.0, 2.0)
        _between("presence_penalty", self.presence_penalty, -2.0, 2.0)
        _between("repetition_penalty", self.repetition_penalty, 0.1, 10.0)
        _between("loop_guard", self.loop_guard, 0, 1000)
        _between("top_k", self.top_k, 0, 10_000_000)
        _between("min_p", self.min_p, 0.0, 1.0)
        _between("min_tokens", self.min_tokens, 0, self.max_tokens)
        _between("logprobs", self.logprobs or 0, 0, MAX_LOGPROBS)
        if len(self.stop) > MAX_STOPS or not all(self.stop):
            raise RequestInvalid(
                f"stop takes at most {MAX_STOPS} texts, none of them empty.", param="stop"
            )
        if len(self.logit_bias) > MAX_BIASES or any(token < 0 for token, _ in self.logit_bias):
            raise RequestInvalid(
                f"logit_bias takes at most {MAX_BIASES} token ids.", param="logit_bias"
            )
        for _, bias in self.logit_bias:
            _between("logit_bias", bias, -100.0, 100.0)
        object.__setattr__(self, "greedy", self.temperature < GREEDY_BELOW)
        penalties = self.frequency_penalty or self.presence_penalty
        object.__setattr__(self, "penalised", bool(penalties) or self.repetition_penalty != 1.0)

    def of_choice(self, index: int) -> "SamplingParams":
        """The same for another of several answers: draws of its own, none for the first."""
        if self.seed is None or not index:
            return self
        return replace(self, seed=self.seed + (index << 64))  # beyond what clients send


@dataclass(frozen=True, slots=True)
class SamplingDefaults:
    """What holds where a request says nothing; from ``generation_config.json``."""

    temperature: float = 1.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    loop_guard: int = 0
    top_k: int = 0
    min_p: float = 0.0
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
            top_k=int(raw.get("top_k") or 0),
            min_p=float(raw.get("min_p") or 0.0),
            max_tokens=max_tokens,
        )


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RequestInvalid(f"{name} must lie between {low} and {high}.", param=name)
