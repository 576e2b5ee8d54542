"""What a DeepSeek-V3 (or R1) checkpoint's ``config.json`` says; no torch here."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from inference.errors import CheckpointInvalid, CheckpointUnsupported
from inference.model_config_deepseek_v4 import Yarn

_UNRUN = {"attention_bias": False, "mlp_bias": False, "hidden_act": "silu",
          "scoring_func": "sigmoid", "topk_method": "noaux_tc", "rope_interleave": True,
          "moe_layer_freq": 1}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeepseekV3Config:
    """Sizes and switches of multi-head latent attention and grouped routing.

    ``num_experts`` and ``num_experts_per_tok`` count the shared experts, as `ModelConfig` does.
    """

    vocab_size: int
    hidden_size: int
    num_layers: int
    num_heads: int
    q_lora_rank: int | None
    kv_lora_rank: int
    nope_dim: int
    rope_dim: int
    value_dim: int
    intermediate_size: int
    moe_intermediate_size: int
    dense_layers: frozenset[int]
    num_routed_experts: int
    num_shared_experts: int
    num_experts_per_tok: int
    groups: int
    groups_per_tok: int
    norm_topk_prob: bool
    routed_scaling_factor: float
    rms_norm_eps: float
    rope_theta: float
    yarn: Yarn | None
    rope_scale: float  # of cos and sin
    attention_scale: float
    max_context: int
    tie_word_embeddings: bool
    eos_token_ids: tuple[int, ...]
    dtype: str
    kind: Literal["deepseek_v3"] = "deepseek_v3"

    @property
    def num_experts(self) -> int:
        return self.num_routed_experts + self.num_shared_experts

    @property
    def min_experts_per_tok(self) -> int:
        return self.num_shared_experts + 1

    @property
    def block_multiple(self) -> int:
        """A block may hold any number of positions."""
        return 1


def parse_deepseek_v3(raw: dict[str, Any]) -> DeepseekV3Config:
    """Raises: CheckpointInvalid: a field is missing. CheckpointUnsupported: it is not run here."""
    for field, value in _UNRUN.items():
        if raw.get(field, value) != value:
            raise CheckpointUnsupported(
                f"config.json says {field} {raw[field]!r}; only {value!r} is run here."
            )
    try:
        return _build(raw)
    except KeyError as missing:
        raise CheckpointInvalid(f"config.json lacks the field {missing}.") from None


def _build(raw: dict[str, Any]) -> DeepseekV3Config:
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    yarn = _yarn(rope)
    nope, rotated = int(raw["qk_nope_head_dim"]), int(raw["qk_rope_head_dim"])
    every = _mscale(yarn, rope.get("mscale_all_dim"))
    one = _mscale(yarn, rope.get("mscale")) / every if rope.get("mscale_all_dim") else None
    ends, shared = raw.get("eos_token_id"), int(raw["n_shared_experts"])
    low_rank = raw.get("q_lora_rank")
    return DeepseekV3Config(
        vocab_size=int(raw["vocab_size"]),
        hidden_size=int(raw["hidden_size"]),
        num_layers=int(raw["num_hidden_layers"]),
        num_heads=int(raw["num_attention_heads"]),
        q_lora_rank=None if low_rank is None else int(low_rank),
        kv_lora_rank=int(raw["kv_lora_rank"]),
        nope_dim=nope,
        rope_dim=rotated,
        value_dim=int(raw["v_head_dim"]),
        intermediate_size=int(raw["intermediate_size"]),
        moe_intermediate_size=int(raw["moe_intermediate_size"]),
        dense_layers=frozenset(range(int(raw["first_k_dense_replace"]))),
        num_routed_experts=int(raw["n_routed_experts"]),
        num_shared_experts=shared,
        num_experts_per_tok=int(raw["num_experts_per_tok"]) + shared,
        groups=int(raw["n_group"]),
        groups_per_tok=int(raw["topk_group"]),
        norm_topk_prob=bool(raw["norm_topk_prob"]),
        routed_scaling_factor=float(raw["routed_scaling_factor"]),
        rms_norm_eps=float(raw["rms_norm_eps"]),
        rope_theta=float(rope.get("rope_theta", raw.get("rope_theta", 10000.0))),
        yarn=yarn,
        rope_scale=_mscale(yarn, 1) if one is None else one,
        attention_scale=(nope + rotated) ** -0.5 * every**2,
        max_context=int(raw["max_position_embeddings"]),
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", False)),
        eos_token_ids=tuple(ends) if isinstance(ends, list) else (() if ends is None else (ends,)),
        dtype=str(raw.get("dtype") or raw.get("torch_dtype") or "bfloat16"),
    )


def _yarn(rope: dict[str, Any]) -> Yarn | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind != "yarn":
        raise CheckpointUnsupported(f"Rotary scaling {kind!r} is not run here; `yarn` is.")
    return Yarn(
        factor=float(rope["factor"]),
        original_context=int(rope["original_max_position_embeddings"]),
        beta_fast=float(rope.get("beta_fast", 32)),
        beta_slow=float(rope.get("beta_slow", 1)),
    )


def _mscale(yarn: Yarn | None, weight: float | None) -> float:
    """YaRN's temperature, here as a factor of logits or of cos and sin; 1 without a weight."""
    if yarn is None or not weight or yarn.factor <= 1:
        return 1.0
    return 0.1 * weight * math.log(yarn.factor) + 1.0
