"""Tensors of a safetensors checkpoint, by name, memory-mapped.

Knows file names, tensor names and how quantised weights are kept, nothing of architectures. Reads
safetensors only; a directory with pickle weights is refused before (``provenance``).
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from inference.errors import CheckpointInvalid
from inference.model_config_quantization import parse_quantization
from inference.quantization.stored import COMPANIONS, LEAST, SCALES, WEIGHT, StoredWeight, recognise

_NARROW = 1  # bytes of a number that only its scale makes a weight


class Checkpoint:
    """All tensors under one directory; each is read when asked for."""

    def __init__(self, directory: Path, device: torch.device, dtype: torch.dtype) -> None:
        self._device = device
        self._dtype = dtype
        self._files: dict[str, Any] = {}
        self.files: dict[str, list[str]] = {}  # names of tensors, by file
        try:
            for file in _weight_files(directory):
                opened = safe_open(file, framework="pt")
                self.files[file.name] = list(opened.keys())
                self._files.update(dict.fromkeys(opened.keys(), opened))
        except (OSError, SafetensorError) as error:
            raise CheckpointInvalid(f"The weights are not readable: {error}.") from error
        self._block = parse_quantization(_config(directory)).block

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        """The tensor in the engine's dtype or another, on its device; quantised ones as numbers.

        Raises:
            CheckpointInvalid: there is no tensor of that name, or its scales do not fit it.
        """
        stored = self.stored(name)
        found = self.raw(name) if stored is None else stored.values()
        return found.to(self._device, dtype or self._dtype)

    def stored(self, name: str) -> StoredWeight | None:
        """A quantised weight as it is kept, on the CPU; None where it is not quantised.

        Raises:
            CheckpointInvalid: as `tensor`.
        """
        codes, stem = self.raw(name), name.removesuffix(WEIGHT)
        if codes.dtype.itemsize > _NARROW or stem == name:
            return None
        scale = self._scale(name)
        if scale is None:
            raise CheckpointInvalid(f"The quantised tensor {name!r} has no scales beside it.")
        least = self.raw(stem + LEAST) if stem + LEAST in self else None
        try:
            return recognise(codes, self.raw(scale), least, self._block)
        except ValueError as error:
            raise CheckpointInvalid(f"{name!r} and its scales do not fit: {error}.") from None

    def names(self) -> list[str]:
        """Of all weights; scales of quantised ones are part of them."""
        return [name for name in self._files if not name.endswith(COMPANIONS)]

    def shape(self, name: str) -> tuple[int, ...]:
        """What `tensor` would have; no data is read."""
        kept = self._files[name].get_slice(name)
        shape = tuple(kept.get_shape())
        scale = self._scale(name)
        if scale is None or kept.get_dtype() not in ("I8", "U8"):
            return shape
        whole_bytes = self._files[scale].get_slice(scale).get_dtype() == "BF16"  # our INT8
        return shape if whole_bytes and kept.get_dtype() == "I8" else (*shape[:-1], 2 * shape[-1])

    def _scale(self, name: str) -> str | None:
        stem = name.removesuffix(WEIGHT)
        return next((stem + end for end in SCALES if stem + end in self), None)

    def raw(self, name: str) -> torch.Tensor:
        """The tensor as it lies in its file; raises CheckpointInvalid."""
        if name not in self._files:
            raise CheckpointInvalid(f"The checkpoint has no tensor {name!r}.")
        return self._files[name].get_tensor(name)


def _config(directory: Path) -> dict[str, Any]:
    path = directory / "config.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _weight_files(directory: Path) -> list[Path]:
    index = directory / "model.safetensors.index.json"
    if index.exists():
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        files = [directory / Path(name).name for name in sorted(names)]
    else:
        files = sorted(directory.glob("*.safetensors"))
    if not files:
        raise CheckpointInvalid(
            "The checkpoint has no *.safetensors file; convert its weights to safetensors first."
        )
    return files
