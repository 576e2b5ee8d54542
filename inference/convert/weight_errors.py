"""What a narrower checkpoint costs: error of every layer's two blocks, and of the answer.

Both checkpoints run over the same text. Each block of the narrow one (attention, feed-forward)
gets the input that the wide one's had, so its error is its own and not that of the blocks before;
the logits at the end are of a second run in which errors add up.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from inference.checkpoint import Checkpoint
from inference.errors import CheckpointUnsupported
from inference.kernels.interface import Batch, PrefillChunk
from inference.kernels.reference import ReferenceKernels
from inference.model_config import load_config
from inference.models import Model, build_model
from inference.models.deepseek_v4 import DeepseekV4

_POSITIONS = 128  # in a cache block, at least
# Parts of a layer that are a function of its input (and, in attention, of the positions before).
_BLOCKS = {
    "deepseek_v4": ("attention", "feed_forward"),
    "other": ("output", "feed_forward"),  # of attention its last linear
}


@dataclass(frozen=True, slots=True)
class BlockError:
    """Of one block's output on the text, against the wide checkpoint's."""

    layer: int
    block: str
    relative_rms: float
    max_abs: float
    cosine: float  # of the least similar position


@dataclass(frozen=True, slots=True)
class Report:
    blocks: list[BlockError]
    logits: BlockError
    same_choice: float  # share of positions with the same most likely token

    def as_json(self) -> dict[str, Any]:
        return {
            "blocks": [asdict(block) for block in self.blocks],
            "logits": asdict(self.logits),
            "same_choice": self.same_choice,
        }


class _Tap:
    """Stands for a block: keeps what it was given and gave, or gives it what another one got."""

    def __init__(self, inner: Callable[..., torch.Tensor]) -> None:
        self._inner = inner
        self.given: torch.Tensor | None = None
        self.gave: torch.Tensor | None = None
        self.instead: torch.Tensor | None = None

    def __call__(self, hidden: torch.Tensor, *rest: Any) -> torch.Tensor:
        self.given = hidden
        self.gave = self._inner(hidden if self.instead is None else self.instead, *rest)
        return self.gave


@torch.inference_mode()
def compare(wide: Path, narrow: Path, ids: list[int]) -> Report:
    """The error of ``narrow`` on the tokens ``ids``, in float32.

    Raises:
        CheckpointInvalid: one is not readable, or they are not of one model.
    """
    (first, first_taps), (second, second_taps) = _tapped(wide), _tapped(narrow)
    if first.config != second.config:
        raise CheckpointUnsupported(f"{wide.name} and {narrow.name} are not of one model.")
    expected, found = _logits(first, ids), _logits(second, ids)
    for one, other in zip(first_taps, second_taps, strict=True):
        other[2].instead = one[2].given
    _logits(second, ids)
    blocks = [
        _error(layer, block, tap.gave, other.gave)
        for (layer, block, tap), (_, _, other) in zip(first_taps, second_taps, strict=True)
    ]
    same = (expected.argmax(-1) == found.argmax(-1)).float().mean().item()
    return Report(
        blocks, _error(first.config.num_layers, "logits", expected, found), round(same, 4)
    )


def _error(
    layer: int, block: str, expected: torch.Tensor | None, found: torch.Tensor | None
) -> BlockError:
    assert expected is not None
    assert found is not None
    expected, found = expected.float(), found.float()
    off = found - expected
    relative = (off.square().mean() / expected.square().mean().clamp(min=1e-30)).sqrt()
    cosine = torch.nn.functional.cosine_similarity(expected, found, dim=-1).min()
    values = (relative.item(), off.abs().max().item(), cosine.item())
    return BlockError(layer, block, *(float(f"{value:.6g}") for value in values))


def _tapped(directory: Path) -> tuple[Model, list[tuple[int, str, _Tap]]]:
    """A model in plain torch, and taps on its blocks in their order."""
    config, cpu = load_config(directory), torch.device("cpu")
    checkpoint = Checkpoint(directory, cpu, torch.float32)
    model = build_model(config, checkpoint, ReferenceKernels(), cpu, torch.float32)
    return model, list(_taps(model))


def _taps(model: Any) -> Iterator[tuple[int, str, _Tap]]:
    blocks = _BLOCKS["deepseek_v4" if isinstance(model, DeepseekV4) else "other"]
    for index, layer in enumerate(model.layers):
        for block in blocks:
            tap = _Tap(getattr(layer, block))
            setattr(layer, block, tap)
            yield index, block, tap


def _logits(model: Model, ids: list[int]) -> torch.Tensor:
    """[tokens, vocab] of all positions, in one piece and a cache of its own."""
    count = len(ids)
    size = -(-_POSITIONS // model.config.block_multiple) * model.config.block_multiple
    blocks = -(-count // size)
    whole = torch.arange(count)
    batch = Batch(
        token_ids=torch.tensor(ids),
        positions=whole,
        slots=whole,
        num_decode=0,
        decode_blocks=torch.zeros((0, 0), dtype=torch.long),
        decode_mask=torch.zeros((0, 1, 1, 0), dtype=torch.bool),
        prefill=[PrefillChunk(0, 0, count, torch.arange(blocks))],
        sample_rows=whole,
        default_experts=model.config.num_experts_per_tok,
    )
    return model.forward(batch, model.make_cache(blocks, size, 1))
