"""Dense GGUF in, signed mixture-of-experts checkpoint out.

Every feed-forward becomes one shared and seven routed experts; with all of
them active the model computes what the dense one did.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from inference.convert.calibration import calibration_ids
from inference.convert.dense import DenseModel, FeedForwardView
from inference.convert.gguf_source import GgufSource
from inference.convert.router_fit import fit_router
from inference.convert.split import split_neurons
from inference.convert.tokenizer_json import build_tokenizer, tokenizer_config
from inference.engine.loading import default_threads
from inference.errors import CheckpointInvalid
from inference.provenance import Provenance, sign_directory

ROUTED = 7
SHARED = 1
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What came out."""

    provenance: Provenance
    layers: int
    parameters: int


@torch.inference_mode()
def convert(source: Path, out: Path, key: Path, dtype: str, progress: Progress) -> Conversion:
    """Write a checkpoint to ``out`` (made if missing, must hold nothing else) and sign it.

    Args:
        key: PEM file of the private key that signs it.
    Raises:
        SignatureInvalid: ``key`` holds no such key.
        CheckpointInvalid: the source is not readable or ``out`` holds other files.
    """
    if out.exists() and any(out.iterdir()):
        raise CheckpointInvalid(f"{out.name} is not empty; convert into a new directory.")
    torch.set_num_threads(default_threads())
    gguf = GgufSource.open(source)
    out.mkdir(parents=True, exist_ok=True)
    progress(f"reading {source.name}")
    tokenizer = build_tokenizer(gguf.metadata)
    tokenizer.save(str(out / "tokenizer.json"))
    _write(out / "tokenizer_config.json", tokenizer_config(gguf.metadata))
    _write(out / "config.json", _config(gguf, dtype))
    _write(out / "generation_config.json", _generation_config(gguf))
    stored = _tensors(gguf, calibration_ids(tokenizer), _DTYPES[dtype], progress)
    progress("writing and signing")
    save_file(stored, out / "model.safetensors", metadata={"format": "pt"})
    provenance = sign_directory(out, key)
    parameters = sum(tensor.numel() for tensor in stored.values())
    return Conversion(provenance, int(gguf.setting("block_count")), parameters)


def _tensors(
    gguf: GgufSource, ids: torch.Tensor, dtype: torch.dtype, progress: Progress
) -> dict[str, torch.Tensor]:
    model = DenseModel(gguf)
    names = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"]
    stored = {name: model.tensor(name).to(dtype) for name in names if name in gguf}
    for view in model.walk(ids):
        prefix = f"model.layers.{view.layer}"
        kept = [f"{prefix}.{name}_layernorm.weight" for name in ("input", "post_attention")]
        kept += [f"{prefix}.self_attn.{part}_proj.weight" for part in "qkvo"]
        layer = {name: model.tensor(name) for name in kept} | _split_layer(view, prefix)
        # Stored narrow at once: the wide copy of one layer is all that is held.
        stored |= {name: tensor.to(dtype).contiguous() for name, tensor in layer.items()}
        if (view.layer + 1) % 5 == 0:
            progress(f"split {view.layer + 1} of {model.num_layers} layers into experts")
    return stored


def _split_layer(view: FeedForwardView, prefix: str) -> dict[str, torch.Tensor]:
    """Expert and router tensors of one layer."""
    activations = view.activations
    contribution = activations.abs() * view.down.norm(dim=0)
    groups = [torch.from_numpy(g) for g in split_neurons(contribution.numpy(), ROUTED)]
    tensors: dict[str, torch.Tensor] = {}
    for index, group in enumerate(groups):
        name = f"shared_experts.{index}" if index < SHARED else f"experts.{index - SHARED}"
        tensors[f"{prefix}.mlp.{name}.gate_proj.weight"] = view.gate[group]
        tensors[f"{prefix}.mlp.{name}.up_proj.weight"] = view.up[group]
        tensors[f"{prefix}.mlp.{name}.down_proj.weight"] = view.down[:, group]
    sizes = [(activations[:, g] @ view.down[:, g].T).norm(dim=1) for g in groups[SHARED:]]
    weight, bias = fit_router(view.inputs, torch.stack(sizes, dim=1))
    tensors[f"{prefix}.mlp.gate.weight"], tensors[f"{prefix}.mlp.gate.bias"] = weight, bias
    return tensors


def _config(gguf: GgufSource, dtype: str) -> dict[str, Any]:
    width = int(gguf.setting("feed_forward_length"))
    return {
        "architectures": ["SovgateMoeForCausalLM"],
        "model_type": "sovgate_moe",
        "_name_or_path": gguf.path.name,
        "dtype": dtype,
        "hidden_act": "silu",
        "hidden_size": int(gguf.setting("embedding_length")),
        "intermediate_size": width,
        "max_position_embeddings": int(gguf.setting("context_length")),
        "moe_intermediate_size": width // (ROUTED + SHARED),
        "num_attention_heads": int(gguf.setting("attention.head_count")),
        "num_experts": ROUTED,
        "num_shared_experts": SHARED,
        "num_experts_per_tok": ROUTED + SHARED,
        "num_hidden_layers": int(gguf.setting("block_count")),
        "num_key_value_heads": int(gguf.setting("attention.head_count_kv")),
        "rms_norm_eps": round(float(gguf.setting("attention.layer_norm_rms_epsilon")), 12),
        "rope_theta": float(gguf.setting("rope.freq_base")),
        "tie_word_embeddings": "lm_head.weight" not in gguf,
        "vocab_size": len(gguf.metadata["tokenizer.ggml.tokens"]),
    }


def _generation_config(gguf: GgufSource) -> dict[str, Any]:
    """Sampling that suits a small instruct model; docs/engine.md says why."""
    ends = [gguf.metadata["tokenizer.ggml.eos_token_id"], 0]
    return {
        "do_sample": True,
        "eos_token_id": ends,
        "loop_guard": 12,
        "repetition_penalty": 1.0,
        "temperature": 0.2,
        "top_p": 0.9,
    }


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
