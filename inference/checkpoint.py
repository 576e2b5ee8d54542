"""Tensors of a safetensors checkpoint, by name, memory-mapped.

Knows file names and tensor names, nothing of architectures. Reads safetensors
only; a directory with pickle weights is refused before (``provenance``).
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from inference.errors import CheckpointInvalid


class Checkpoint:
    """All tensors under one directory; each is read when asked for."""

    def __init__(self, directory: Path, device: torch.device, dtype: torch.dtype) -> None:
        self._device = device
        self._dtype = dtype
        self._files = {}
        try:
            for file in _weight_files(directory):
                opened = safe_open(file, framework="pt")
                self._files.update(dict.fromkeys(opened.keys(), opened))
        except (OSError, SafetensorError) as error:
            raise CheckpointInvalid(f"The weights are not readable: {error}.") from error

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        """The tensor in the engine's dtype or another, on its device.

        Raises:
            CheckpointInvalid: there is no tensor of that name.
        """
        if name not in self._files:
            raise CheckpointInvalid(f"The checkpoint has no tensor {name!r}.")
        return self._files[name].get_tensor(name).to(self._device, dtype or self._dtype)


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
