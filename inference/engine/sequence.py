"""One request inside the engine: its tokens, its blocks, its account.

Knows nothing of tensors or of text.
"""

import itertools
import secrets
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from inference.sampling_params import SamplingParams

if TYPE_CHECKING:
    from inference.constraints import Constraint

FinishReason = Literal["stop", "length", "cancelled", "error"]
_numbers = itertools.count()


INTERACTIVE, BATCH = 0, 1  # priorities: the lower goes first


class Status(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Logprob:
    """How likely the model held a drawn token, and the likeliest ones of its place, falling."""

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(slots=True, eq=False)
class Sequence:
    """A prompt that grows into an answer.

    ``num_computed`` tokens have their keys and values in the cache at
    ``block_table``; the step that computes the last known token samples the
    next one. ``work_ns`` is the engine time attributed to it so far.
    """

    prompt_ids: list[int]
    params: SamplingParams
    num_experts: int  # active experts per token, shared ones included; 0 for a dense model
    eos_ids: frozenset[int]
    number: int = field(default_factory=lambda: next(_numbers))
    output_ids: list[int] = field(default_factory=list)
    status: Status = Status.WAITING
    finish_reason: FinishReason | None = None
    expert_mass: float = 1.0  # of those, as many as hold this share of the router's weight
    priority: int = INTERACTIVE
    salt: bytes = b""  # sequences of different salts share nothing that is cached
    block_table: list[int] = field(default_factory=list)
    block_keys: list[bytes] = field(default_factory=list)  # of its full blocks, as far as known
    state: int | None = None  # where its running state lies, for models that have one
    restore: int | None = None  # a snapshot that its state begins with
    draft: list[int] = field(default_factory=list)  # the model's own guess of what follows
    num_computed: int = 0
    num_cached: int = 0  # of the prompt, found in the cache when it was first admitted
    work_ns: int = 0
    activated: Fraction = Fraction(0)  # experts of all positions computed with an expert mass
    positions: int = 0  # how many those were
    preemptions: int = 0
    constraint: "Constraint | None" = None  # which tokens may come, where not all may
    logprobs: list[Logprob] = field(default_factory=list)  # of the answer, if asked for
    draw_key: int = field(init=False)  # with how many numbers were used, it gives the next one
    numbers_used: int = 0

    def __post_init__(self) -> None:
        seed = self.params.seed
        self.draw_key = secrets.randbits(64) if seed is None else _key_of(seed)

    def next_number(self) -> tuple[int, int]:
        """Key and counter of the number that the next token is drawn with."""
        self.numbers_used += 1
        return self.draw_key, self.numbers_used - 1

    @property
    def num_tokens(self) -> int:
        return len(self.prompt_ids) + len(self.output_ids)

    @property
    def num_uncomputed(self) -> int:
        return self.num_tokens - self.num_computed

    @property
    def active_experts(self) -> float:
        """Experts that a position activated on average, of those that were computed."""
        return float(self.activated / self.positions) if self.positions else self.num_experts

    def ids(self, start: int, end: int) -> list[int]:
        """Token ids of positions ``start`` to ``end``, prompt and answer in one row."""
        split = len(self.prompt_ids)
        if start >= split:
            return self.output_ids[start - split : end - split]
        return self.prompt_ids[start:end] + self.output_ids[: max(0, end - split)]

    def append(self, token_id: int) -> None:
        """Take a sampled token, and finish on an end token or at ``max_tokens``."""
        self.output_ids.append(token_id)
        if token_id in self.eos_ids and not self.params.ignore_eos:
            self.finish("stop")
        elif len(self.output_ids) >= self.params.max_tokens:
            self.finish("length")

    def finish(self, reason: FinishReason) -> None:
        if self.status is not Status.FINISHED:
            self.status, self.finish_reason = Status.FINISHED, reason


def _key_of(seed: int) -> int:
    """A seed of 64 bits is the key itself; of any other one it is a digest."""
    if 0 <= seed < 1 << 64:
        return seed
    return int.from_bytes(blake2b(str(seed).encode(), digest_size=8).digest())
