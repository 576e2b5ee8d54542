"""What a checkpoint's ``config.json`` says, in one shape for every model kind.

Reads the Hugging Face names of Llama, Mixtral, Qwen3-MoE and our own
``sovgate_moe`` (shared + routed experts). It knows no tensors and no torch.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference.errors import CheckpointInvalid, CheckpointUnsupported
from inference.model_config_deepseek_v3 import DeepseekV3Config, parse_deepseek_v3
from inference.model_config_deepseek_v4 import DeepseekV4Config, parse_deepseek_v4
from inference.model_config_quantization import parse_quantization

ModelKind = Literal["llama", "mixtral", "qwen3_moe", "sovgate_moe"]
KINDS: tuple[ModelKind, ...] = ("llama", "mixtral", "qwen3_moe", "sovgate_moe")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes and switches of one decoder-only transformer.

    ``num_experts`` counts all experts of a layer, shared ones included (0 for
    a dense model); ``num_experts_per_tok`` is what a token activates by
    default, shared ones included.
    """

    kind: ModelKind
    vocab_size: int
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    intermediate_size: int
    rms_norm_eps: float
    rope_theta: float
    max_context: int
    tie_word_embeddings: bool
    qk_norm: bool
    num_experts: int
    num_shared_experts: int
    num_experts_per_tok: int
    moe_intermediate_size: int
    norm_topk_prob: bool
    dense_layers: frozenset[int]
    eos_token_ids: tuple[int, ...]
    dtype: str

    @property
    def num_routed_experts(self) -> int:
        return self.num_experts - self.num_shared_experts

    @property
    def min_experts_per_tok(self) -> int:
        return max(1, self.num_shared_experts)

    @property
    def block_multiple(self) -> int:
        """A block may hold any number of positions."""
        return 1


AnyConfig = ModelConfig | DeepseekV3Config | DeepseekV4Config


_DEEPSEEK: dict[str, Callable[[dict[str, Any]], AnyConfig]] = {
    "deepseek_v3": parse_deepseek_v3,
    "deepseek_v4": parse_deepseek_v4,
}


def load_config(directory: Path) -> AnyConfig:
    """Read ``directory/config.json`` (and ``generation_config.json`` for the end tokens).

    Raises:
        CheckpointInvalid: no such file, no JSON, or a missing field.
        CheckpointUnsupported: an architecture or option not run here.
    """
    raw = read_json(directory / "config.json")
    generation = directory / "generation_config.json"
    ends = read_json(generation).get("eos_token_id") if generation.exists() else None
    return parse_config(raw if ends is None else {**raw, "eos_token_id": ends})


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``; raises CheckpointInvalid."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointInvalid(
            f"The checkpoint has no {path.name}; give --model a directory in Hugging Face layout."
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise CheckpointInvalid(f"{path.name} is not readable as JSON.") from None
    if not isinstance(value, dict):
        raise CheckpointInvalid(f"{path.name} must hold one JSON object.")
    return value


def parse_config(raw: dict[str, Any]) -> AnyConfig:
    """Check and normalise a ``config.json`` object; raises as `load_config`."""
    if raw.get("model_type") in _DEEPSEEK:
        parse_quantization(raw)
        return _DEEPSEEK[raw["model_type"]](raw)
    kind = _kind(raw)
    _refuse_unsupported(raw)
    try:
        return _build(kind, raw)
    except KeyError as missing:
        raise CheckpointInvalid(f"config.json lacks the field {missing}.") from None


_KNOWN_TO_BE_MORE = {
    "deepseek_v41": " (of V4.1 it knows the prompts, not the n-gram tables, the vision tower and "
    "the layers that share keys)"
}


def _kind(raw: dict[str, Any]) -> ModelKind:
    kind = raw.get("model_type")
    for known in KINDS:
        if kind == known:
            return known
    known_of_it = _KNOWN_TO_BE_MORE.get(str(kind), "")
    raise CheckpointUnsupported(
        f"Model type {kind!r} is not run by this engine{known_of_it}; it runs "
        f"{', '.join((*KINDS, *_DEEPSEEK))}. "
        "Serve other models with vLLM or SGLang and register that server as a worker."
    )


def _refuse_unsupported(raw: dict[str, Any]) -> None:
    if raw.get("hidden_act", "silu") != "silu":
        raise CheckpointUnsupported(f"Activation {raw['hidden_act']!r} is not run; only silu is.")
    for field in ("attention_bias", "mlp_bias"):
        if raw.get(field):
            raise CheckpointUnsupported(f"config.json asks for {field}, which is not run here.")
    parse_quantization(raw)


def _rope_theta(raw: dict[str, Any]) -> float:
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise CheckpointUnsupported(f"RoPE scaling {kind!r} is not run here; only 'default' is.")
    return float(rope.get("rope_theta", raw.get("rope_theta", 10000.0)))


def _max_context(raw: dict[str, Any]) -> int:
    # Within its window a sliding attention equals the full one, so a context
    # no longer than the window is exact.
    window = raw.get("sliding_window") if raw.get("use_sliding_window", True) else None
    longest = int(raw["max_position_embeddings"])
    return min(longest, int(window)) if window else longest


def _dense_layers(kind: ModelKind, raw: dict[str, Any]) -> frozenset[int]:
    layers = range(int(raw["num_hidden_layers"]))
    if kind == "llama":
        return frozenset(layers)
    step = int(raw.get("decoder_sparse_step", 1))
    listed = set(raw.get("mlp_only_layers") or ())
    return frozenset(layer for layer in layers if layer in listed or (layer + 1) % step)


def _experts(kind: ModelKind, raw: dict[str, Any]) -> tuple[int, int, int, int]:
    """(all experts, shared experts, active per token, width of one expert)"""
    if kind == "llama":
        return 0, 0, 0, 0
    active = int(raw["num_experts_per_tok"])
    if kind == "mixtral":
        return int(raw["num_local_experts"]), 0, active, int(raw["intermediate_size"])
    routed = int(raw["num_experts"] if "num_experts" in raw else raw["num_local_experts"])
    shared = int(raw.get("num_shared_experts", 0)) if kind == "sovgate_moe" else 0
    return routed + shared, shared, active, int(raw["moe_intermediate_size"])


def _build(kind: ModelKind, raw: dict[str, Any]) -> ModelConfig:
    hidden, heads = int(raw["hidden_size"]), int(raw["num_attention_heads"])
    experts, shared, active, width = _experts(kind, raw)
    ends = raw.get("eos_token_id")
    return ModelConfig(
        kind=kind,
        vocab_size=int(raw["vocab_size"]),
        hidden_size=hidden,
        num_layers=int(raw["num_hidden_layers"]),
        num_heads=heads,
        num_kv_heads=int(raw.get("num_key_value_heads") or heads),
        head_dim=int(raw.get("head_dim") or hidden // heads),
        intermediate_size=int(raw["intermediate_size"]),
        rms_norm_eps=float(raw["rms_norm_eps"]),
        rope_theta=_rope_theta(raw),
        max_context=_max_context(raw),
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", False)),
        qk_norm=kind == "qwen3_moe",
        num_experts=experts,
        num_shared_experts=shared,
        num_experts_per_tok=active,
        moe_intermediate_size=width,
        norm_topk_prob=True if kind == "mixtral" else bool(raw.get("norm_topk_prob", False)),
        dense_layers=_dense_layers(kind, raw),
        eos_token_ids=tuple(ends) if isinstance(ends, list) else (() if ends is None else (ends,)),
        dtype=str(raw.get("dtype") or raw.get("torch_dtype") or "float32"),
    )
