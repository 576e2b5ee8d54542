"""A checkpoint's weights in another format: the same files, names and configuration otherwise.

Which weights are made narrow is what DeepSeek does: linears of attention and experts. Embedding,
head, router, norms, the compressors' and the indexer's small projections stay as they are, since
they are a small share of the bytes and a large one of the error.
"""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import save_file

from inference.checkpoint import Checkpoint
from inference.errors import CheckpointInvalid
from inference.model_config import load_config, read_json
from inference.model_config_quantization import OWN_METHOD
from inference.quantization.fp8_block import BLOCK
from inference.quantization.stored import COMPANIONS, WEIGHT, quantise

Target = Literal["bfloat16", "fp8", "mxfp4", "int8", "int4"]
TARGETS: tuple[Target, ...] = get_args(Target)

_INDEX = "model.safetensors.index.json"
_KEPT = re.compile(r"(^|\.)(embed|embed_tokens|head|lm_head|gate|weights_proj|\w*norm)\.weight$")
_ROUTED = re.compile(r"\.experts\.\d+\.")
_LEFT_OUT = ("model.sig", "model.pub.pem", _INDEX)  # made anew


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was written: bytes of weights before and after, and how many became narrow."""

    weights: int
    bytes_before: int
    bytes_after: int


def format_of(name: str, shape: tuple[int, ...], target: Target) -> Target | None:
    """What the tensor ``name`` becomes; None: it stays as it is."""
    linear = name.endswith(".weight") and len(shape) == 2 and ".compressor." not in name
    if not linear or _KEPT.search(name):
        return None
    if target == "mxfp4" and not _ROUTED.search(name):
        return "fp8"  # as published: four bits for the many experts alone
    return None if shape[1] % 2 and target in ("mxfp4", "int4") else target


def rewrite(source: Path, out: Path, target: Target, progress: Callable[[str], None]) -> Rewritten:
    """Write ``source`` to ``out`` (made if missing, must be empty), its weights as ``target``.

    Quantised weights are read as numbers first. The caller signs what was written.

    Raises:
        CheckpointInvalid: the source is not readable, or ``out`` holds other files.
    """
    if out.exists() and any(out.iterdir()):
        raise CheckpointInvalid(f"{out.name} is not empty; convert into a new directory.")
    kind = load_config(source).kind
    checkpoint = Checkpoint(source, torch.device("cpu"), torch.bfloat16)
    out.mkdir(parents=True, exist_ok=True)
    writer = _Writer(checkpoint, target, "scale" if kind == "deepseek_v4" else "weight_scale_inv")
    places: dict[str, str] = {}
    for file, names in checkpoint.files.items():
        progress(f"packing {file}")
        tensors = writer.tensors(names)
        save_file(tensors, out / file, metadata={"format": "pt"})
        places |= dict.fromkeys(tensors, file)
    if len(checkpoint.files) > 1:
        index = {"metadata": {"total_size": writer.after}, "weight_map": places}
        _write(out / _INDEX, index)
    for path in source.iterdir():
        if path.is_file() and path.suffix != ".safetensors" and path.name not in _LEFT_OUT:
            shutil.copyfile(path, out / path.name)
    _write(out / "config.json", _config(read_json(source / "config.json"), target))
    return Rewritten(writer.count, writer.before, writer.after)


class _Writer:
    def __init__(self, checkpoint: Checkpoint, target: Target, scale_name: str) -> None:
        self._checkpoint, self._scale_name = checkpoint, scale_name
        self._target: Target = target
        self.count = self.before = self.after = 0

    def tensors(self, names: list[str]) -> dict[str, torch.Tensor]:
        """What one file holds afterwards."""
        made: dict[str, torch.Tensor] = {}
        for name in names:
            self.before += self._checkpoint.raw(name).nbytes
            if not name.endswith(COMPANIONS):
                made |= self._one(name)
        self.after += sum(tensor.nbytes for tensor in made.values())
        return made

    def _one(self, name: str) -> dict[str, torch.Tensor]:
        stored = self._checkpoint.stored(name)
        tensor = self._checkpoint.raw(name) if stored is None else stored.values()
        kind = format_of(name, tuple(tensor.shape), self._target)
        if kind is None and stored is None:
            return {name: tensor.contiguous()}
        if kind is None or kind == "bfloat16":
            return {name: tensor.to(torch.bfloat16).contiguous()}
        self.count += 1
        scale_name = self._scale_name if kind == "fp8" else "scale"
        return quantise(tensor, kind).tensors(name.removesuffix(WEIGHT), scale_name)


def _config(raw: dict[str, Any], target: Target) -> dict[str, Any]:
    kept = {k: v for k, v in raw.items() if k not in ("quantization_config", "expert_dtype")}
    if target == "bfloat16":
        return kept
    if target in ("int8", "int4"):
        return {**kept, "quantization_config": {"quant_method": OWN_METHOD, "weights": target}}
    published = {
        "quant_method": "fp8",
        "fmt": "e4m3",
        "activation_scheme": "dynamic",
        "scale_fmt": "ue8m0",
        "weight_block_size": list(BLOCK),
    }
    experts = "fp4" if target == "mxfp4" else "fp8"
    return {**kept, "quantization_config": published, "expert_dtype": experts}


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
