"""A tiny DeepSeek-V4 with its draft module, trained for some minutes on this repository's docs.

Bytes are tokens. The trunk learns the next one and the module the one after it, from the trunk's
streams and the next one's embedding, as the published module does (`inference.models.deepseek_v4.
mtp`); both losses train all weights. The same seed and number of threads give the same checkpoint.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy, rms_norm

from benchmarks.engine.tiny_v4 import (
    RATES,
    TINY,
    Sizes,
    make_tiny_v4,
    published_config,
    published_weights,
)

DOCS = Path(__file__).parents[2] / "docs"
HELD_OUT = "kernels.md"  # never trained on: prompts come from it
SIZES: Sizes = {
    **TINY,
    "vocab_size": 256,
    "hidden_size": 128,
    "moe_intermediate_size": 128,
    "num_hidden_layers": 4,
    "q_lora_rank": 64,
    "n_routed_experts": 8,
    "o_lora_rank": 32,
    "sliding_window": 32,
    "index_topk": 16,
    "swiglu_limit": 10.0,
    "hc_sinkhorn_iters": 4,  # each of them costs training some forty small operators a layer
}
_BATCH, _LENGTH, _RATE, _WARM_UP = 8, 128, 3e-3, 20


def train(directory: Path, steps: int, seed: int = 5) -> tuple[float, float]:
    """Writes a checkpoint; the last 20 steps' mean losses (nats a byte) of trunk and module."""
    model = make_tiny_v4(directory, seed, drafts=True, sizes=SIZES)
    pair = _Pair(model).train()
    optimizer = torch.optim.AdamW(pair.parameters(), lr=_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(step, steps))
    recent: list[tuple[float, float]] = []
    for step, ids in enumerate(_batches(steps, seed)):
        trunk, module = pair(ids)
        optimizer.zero_grad()
        (trunk + module).backward()
        nn.utils.clip_grad_norm_(pair.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        recent = [*recent[-19:], (trunk.item(), module.item())]
        if step % 20 == 0:
            print(f"step {step}: {trunk.item():.2f} {module.item():.2f}", file=sys.stderr)
    pair.write(directory)
    own, ahead = zip(*recent, strict=True)
    return sum(own) / len(own), sum(ahead) / len(ahead)


class _Pair(nn.Module):
    """transformers' trunk, and its layer that stands in the draft module."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        width = model.config.hidden_size
        self.trunk, self.drafter = model, model.drafter
        self.drafter.model.embed_tokens = model.model.embed_tokens
        self.enorm, self.hnorm = (nn.Parameter(torch.ones(width)) for _ in range(2))
        self.e_proj, self.h_proj = (nn.Linear(width, width, bias=False) for _ in range(2))

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """ids: [batch, length + 2]; the losses of the tokens one and two ahead."""
        read, following, last = ids[:, :-2], ids[:, 1:-1], ids[:, 2:]
        caught: list[torch.Tensor] = []
        head = self.trunk.model.hc_head.register_forward_pre_hook(
            lambda _, args: caught.append(args[0])
        )
        logits = self.trunk(read).logits
        head.remove()
        entered = self._enter(caught[0], following)
        layer = self.drafter.model.layers[0].register_forward_pre_hook(
            lambda _, args: (entered, *args[1:])
        )
        ahead = self.drafter(following).logits
        layer.remove()
        return (
            cross_entropy(logits.flatten(0, 1), following.flatten()),
            cross_entropy(ahead.flatten(0, 1), last.flatten()),
        )

    def _enter(self, streams: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
        """What the module's layer begins with: [batch, length, n, D]."""
        tokens = self.trunk.model.embed_tokens(following)
        tokens = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, 1:]], 1)
        tokens = self.e_proj(rms_norm(tokens, self.enorm.shape, self.enorm, 1e-6))
        streams = self.h_proj(rms_norm(streams, self.hnorm.shape, self.hnorm, 1e-6))
        return streams + tokens[:, :, None]

    def write(self, directory: Path) -> None:
        from safetensors.torch import save_file

        own = published_weights(self.drafter.state_dict())
        weights = published_weights(self.trunk.state_dict()) | {
            f"mtp.0.{name.removeprefix('layers.0.')}": tensor
            for name, tensor in own.items()
            if not name.startswith(("embed.", "head."))
        }
        for name in ("enorm", "hnorm"):
            weights[f"mtp.0.{name}.weight"] = getattr(self, name).detach()
        for name in ("e_proj", "h_proj"):
            weights[f"mtp.0.{name}.weight"] = getattr(self, name).weight.detach()
        save_file(weights, directory / "model.safetensors")
        (directory / "config.json").write_text(json.dumps(published_config(SIZES, RATES)))


def text() -> list[int]:
    """The bytes of all docs but the one that is held out."""
    files = sorted(file for file in DOCS.rglob("*.md") if file.name != HELD_OUT)
    return list(b"\n".join(file.read_bytes() for file in files))


def held_out(count: int, length: int) -> list[list[int]]:
    """Prompts of ``length`` bytes, evenly spread."""
    data = (DOCS / HELD_OUT).read_bytes()
    every = len(data) // (count + 1)
    return [list(data[at * every : at * every + length]) for at in range(1, count + 1)]


def _batches(steps: int, seed: int) -> Iterator[torch.Tensor]:
    data, draw = torch.tensor(text()), torch.Generator().manual_seed(seed)
    for _ in range(steps):
        starts = torch.randint(len(data) - _LENGTH - 2, (_BATCH,), generator=draw)
        yield torch.stack([data[start : start + _LENGTH + 2] for start in starts])


def _share(step: int, steps: int) -> float:
    """Of the highest learning rate: up, then down in a line."""
    return min((step + 1) / _WARM_UP, 1.0) * max(0.05, 1 - step / steps)
