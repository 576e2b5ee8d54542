"""The seams between a model and the hardware it runs on.

A `KernelSet` prepares weights once (`linear`, `experts`) and gives callables
back, so that a backend may pack, transpose or quantise as it likes. The plain
torch set in ``kernels.reference`` is the truth that others are tested against.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import torch

Linear = Callable[[torch.Tensor], torch.Tensor]
"""[tokens, in] -> [tokens, out]"""

Experts = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]
"""(hidden [tokens, hidden], gates [tokens, experts] or None) -> [tokens, hidden].

``gates`` holds each expert's weight for each token, 0 where the token does not
activate the expert; None means every expert with weight 1."""


@dataclass(slots=True)
class ExpertWeights:
    """Projections of one layer's experts, each ``[width, hidden]`` or ``[hidden, width]``."""

    gate: list[torch.Tensor]
    up: list[torch.Tensor]
    down: list[torch.Tensor]
    limit: float | None = None  # gate <= limit, -limit <= up <= limit, before they are multiplied


ExpertParts = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""One expert's gate, up and down, as `ExpertWeights` has them."""


@dataclass(slots=True)
class Routing:
    """How the rows of a batch choose experts, for backends that do it themselves.

    ``all``: every expert with weight 1. ``softmax``: `models.routing.softmax_top_k`. ``shared``:
    the first ``shared`` experts always, of the others the best, all with weight 1.
    """

    kind: Literal["all", "softmax", "shared"] = "all"
    router: torch.Tensor | None = None  # [routed experts, hidden]
    bias: torch.Tensor | None = None  # [routed experts]
    normalise: bool = False
    shared: int = 0


@dataclass(slots=True)
class ExpertMass:
    """Rows that activate only as many experts as hold a share of the router's weight.

    ``active`` and ``layers`` are counted by the layers as they run, drafts' layers too.
    """

    share: torch.Tensor  # [tokens] float32 within (0, 1]; 1: all that the row's budget allows
    active: torch.Tensor  # [tokens] int64: experts that ran, shared ones too, added over layers
    layers: int = 0


@dataclass(slots=True)
class PrefillChunk:
    """Rows ``row`` to ``row + end - start`` of the batch: one sequence's positions."""

    row: int
    start: int
    end: int
    blocks: torch.Tensor  # [blocks of the first `end` positions] int64
    state: int = 0  # where the sequence's running state lies


@dataclass(slots=True)
class Batch:
    """One step: rows of single-token sequences first, then prompt chunks."""

    token_ids: torch.Tensor  # [tokens] int64
    positions: torch.Tensor  # [tokens] int64
    slots: torch.Tensor  # [tokens] int64: where each token's key and value go
    num_decode: int
    decode_blocks: torch.Tensor  # [num_decode, most blocks] int64, padded with block 0
    decode_mask: torch.Tensor  # [num_decode, 1, 1, most positions] bool, True = attend
    prefill: list[PrefillChunk]
    sample_rows: torch.Tensor  # [sampled sequences] int64
    decode_most: int = 0  # positions of the longest of the single-token sequences, its own included
    decode_states: torch.Tensor | None = None  # [num_decode] int64, for models with running state
    num_experts: torch.Tensor | None = None  # [tokens] int64; None = every row at the default
    default_experts: int = 0
    most_experts: int = 0  # of any row where ``num_experts`` is set, so that nobody has to ask it
    mass: ExpertMass | None = None  # None = no row has one

    @property
    def budget(self) -> int:
        """Active experts of the row with the most; asks the device only where nobody said."""
        if self.num_experts is None:
            return self.default_experts
        return self.most_experts or int(self.num_experts.max())


class FusedStep(Protocol):
    """A model's whole step."""

    def logits(self, batch: Batch, cache: Any) -> torch.Tensor:
        """[sampled sequences, vocab] float32."""
        ...

    def states(self, batch: Batch, cache: Any) -> torch.Tensor:
        """[tokens, hidden] after the last norm."""
        ...


@runtime_checkable
class DraftingStep(FusedStep, Protocol):
    """A step of a model with a draft module, which runs whole as well."""

    def guess(
        self, streams: torch.Tensor, batch: Batch, cache: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [sampled rows, vocab] of what the module guesses, and its streams [T, n, D].

        Args:
            streams: [T, n, D] of the step that ran, or of this module to guess one token further.
            batch: of the same positions, but with the tokens that follow them.
        """
        ...


class FusedDecoder(FusedStep, Protocol):
    """A decoder's whole step, over a cache of its own layout."""

    def make_cache(self, num_blocks: int, block_size: int) -> Any: ...


@runtime_checkable
class SamplingKernels(Protocol):
    """A kernel set that draws tokens too."""

    def sample(
        self,
        logits: torch.Tensor,
        temperatures: torch.Tensor,
        top_ks: torch.Tensor,
        top_ps: torch.Tensor,
        min_ps: torch.Tensor,
        seeds: torch.Tensor,
        counters: torch.Tensor,
    ) -> torch.Tensor:
        """See `kernels.reference.sampling.sample`."""
        ...


class KernelSet(Protocol):
    """One backend's operators; ``choices`` says in sentences what was chosen and why."""

    choices: Sequence[str]

    def linear(self, weight: torch.Tensor) -> Linear:
        """Prepare ``x @ weight.T``; ``weight`` is [out, in]."""
        ...

    def head(self, weight: torch.Tensor) -> Linear:
        """Prepare the linear that gives the logits."""
        ...

    def experts(self, weights: ExpertWeights, usual_share: float) -> Experts:
        """Prepare one layer's experts; ``usual_share`` of them are active on a token."""
        ...

    def attention(
        self, query: torch.Tensor, cache: tuple[torch.Tensor, torch.Tensor], batch: Batch
    ) -> torch.Tensor:
        """Causal attention of the batch's rows over the paged cache.

        Args:
            query: [tokens, heads, width], already rotated.
            cache: keys and values, each [blocks, block_size, kv_heads, its width];
                the rows' own keys are already in.
        Returns:
            [tokens, heads * width of the values].
        """
        ...

    def fuse(self, model: Any, /) -> Any:
        """What runs whole steps of a model, or None where the backend cannot.

        A `FusedDecoder` of a `models.decoder.Decoder`, a `FusedStep` of a `DeepseekV4`.
        """
        ...
