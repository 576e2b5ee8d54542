"""What a DeepSeek-V4 checkpoint's ``config.json`` says; no torch here.

Reads the published names (``compress_ratios``, ``num_hash_layers``, flat ``rope_scaling``) and
those that Hugging Face writes (``layer_types``, ``mlp_layer_types``, nested ``rope_parameters``).
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from inference.errors import CheckpointInvalid, CheckpointUnsupported

LayerKind = Literal["sliding", "csa", "hca"]

_BY_TYPE: dict[str, LayerKind] = {
    "sliding_attention": "sliding",
    "compressed_sparse_attention": "csa",
    "heavily_compressed_attention": "hca",
}
_DEFAULT_RATES = {"csa": 4, "hca": 128}
_UNRUN = {"attention_bias": False, "mlp_bias": False, "hidden_act": "silu",
          "scoring_func": "sqrtsoftplus", "num_key_value_heads": 1}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Yarn:
    """Stretching of rotary frequencies (arXiv:2309.00071); cos and sin are not scaled here."""

    factor: float
    original_context: int
    beta_fast: float
    beta_slow: float


@dataclass(frozen=True, slots=True)
class DeepseekV4Config:
    """Sizes and switches. ``rates`` are tokens per compressed entry, by kind of layer.

    ``num_experts`` and ``num_experts_per_tok`` count the shared expert, as `ModelConfig` does.
    """

    vocab_size: int
    hidden_size: int
    num_layers: int
    num_heads: int
    head_dim: int
    rope_dim: int
    q_lora_rank: int
    o_groups: int
    o_lora_rank: int
    layers: tuple[LayerKind, ...]
    rates: dict[LayerKind, int]
    window: int
    index_heads: int
    index_head_dim: int
    index_topk: int
    hash_layers: frozenset[int]
    num_routed_experts: int
    num_shared_experts: int
    num_experts_per_tok: int
    moe_intermediate_size: int
    norm_topk_prob: bool
    routed_scaling_factor: float
    swiglu_limit: float
    hc_mult: int
    hc_iterations: int
    hc_eps: float
    rms_norm_eps: float
    rope_theta: float
    compress_rope_theta: float
    yarn: Yarn | None
    max_context: int
    eos_token_ids: tuple[int, ...]
    dtype: str
    kind: Literal["deepseek_v4"] = "deepseek_v4"

    @property
    def num_experts(self) -> int:
        return self.num_routed_experts + self.num_shared_experts

    @property
    def min_experts_per_tok(self) -> int:
        return self.num_shared_experts + 1

    @property
    def block_multiple(self) -> int:
        """A block of so many positions holds whole entries of every kind of layer."""
        return math.lcm(*self.rates.values())


def parse_deepseek_v4(raw: dict[str, Any]) -> DeepseekV4Config:
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


def _build(raw: dict[str, Any]) -> DeepseekV4Config:
    count, width = int(raw["num_hidden_layers"]), int(raw["head_dim"])
    main, compress = _ropes(raw)
    shared, ends = int(raw["n_shared_experts"]), raw.get("eos_token_id")
    rope_dim = raw.get("qk_rope_head_dim") or width * float(raw.get("partial_rotary_factor", 0.125))
    return DeepseekV4Config(
        vocab_size=int(raw["vocab_size"]),
        hidden_size=int(raw["hidden_size"]),
        num_layers=count,
        num_heads=int(raw["num_attention_heads"]),
        head_dim=width,
        rope_dim=int(rope_dim),
        q_lora_rank=int(raw["q_lora_rank"]),
        o_groups=int(raw["o_groups"]),
        o_lora_rank=int(raw["o_lora_rank"]),
        layers=_layers(raw, count),
        rates=_rates(raw),
        window=int(raw["sliding_window"]),
        index_heads=int(raw["index_n_heads"]),
        index_head_dim=int(raw["index_head_dim"]),
        index_topk=int(raw["index_topk"]),
        hash_layers=_hash_layers(raw, count),
        num_routed_experts=int(raw["n_routed_experts"]),
        num_shared_experts=shared,
        num_experts_per_tok=int(raw["num_experts_per_tok"]) + shared,
        moe_intermediate_size=int(raw["moe_intermediate_size"]),
        norm_topk_prob=bool(raw.get("norm_topk_prob", True)),
        routed_scaling_factor=float(raw["routed_scaling_factor"]),
        swiglu_limit=float(raw["swiglu_limit"]),
        hc_mult=int(raw["hc_mult"]),
        hc_iterations=int(raw["hc_sinkhorn_iters"]),
        hc_eps=float(raw["hc_eps"]),
        rms_norm_eps=float(raw["rms_norm_eps"]),
        rope_theta=float(main.get("rope_theta", raw.get("rope_theta", 10000.0))),
        compress_rope_theta=float(
            compress.get("rope_theta", raw.get("compress_rope_theta", 160000.0))
        ),
        yarn=_yarn(compress),
        max_context=int(raw["max_position_embeddings"]),
        eos_token_ids=tuple(ends) if isinstance(ends, list) else (() if ends is None else (ends,)),
        dtype=str(raw.get("dtype") or raw.get("torch_dtype") or "bfloat16"),
    )


def _layers(raw: dict[str, Any], count: int) -> tuple[LayerKind, ...]:
    types = raw.get("layer_types")
    if types is not None:
        return tuple(_kind(_BY_TYPE, name) for name in types[:count])
    rates = _rates(raw)
    ratios: dict[Any, LayerKind] = {0: "sliding", rates["csa"]: "csa", rates["hca"]: "hca"}
    # What comes after the layers are those of the draft module.
    return tuple(_kind(ratios, ratio) for ratio in raw["compress_ratios"][:count])


def _kind(known: dict[Any, LayerKind], name: Any) -> LayerKind:
    if name not in known:
        raise CheckpointUnsupported(f"A layer of kind {name!r} is not run here.")
    return known[name]


def _rates(raw: dict[str, Any]) -> dict[LayerKind, int]:
    given = {_BY_TYPE[name]: rate for name, rate in (raw.get("compress_rates") or {}).items()}
    return {
        "csa": int(raw.get("compress_rate_csa") or given.get("csa", _DEFAULT_RATES["csa"])),
        "hca": int(raw.get("compress_rate_hca") or given.get("hca", _DEFAULT_RATES["hca"])),
    }


def _hash_layers(raw: dict[str, Any], count: int) -> frozenset[int]:
    types = raw.get("mlp_layer_types")
    if types is not None:
        return frozenset(at for at, name in enumerate(types[:count]) if name == "hash_moe")
    return frozenset(range(min(count, int(raw["num_hash_layers"]))))


def _ropes(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of plain layers, and of those that compress."""
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    if isinstance(rope.get("main"), dict):
        return rope["main"], rope["compress"]
    return {}, {key: value for key, value in rope.items() if key != "rope_theta"}


def _yarn(rope: dict[str, Any]) -> Yarn | None:
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind != "yarn" or rope.get("attention_factor", 1.0) != 1.0:
        raise CheckpointUnsupported(f"Rotary scaling {kind!r} is not run here; `yarn` is.")
    return Yarn(
        factor=float(rope["factor"]),
        original_context=int(rope["original_max_position_embeddings"]),
        beta_fast=float(rope.get("beta_fast", 32)),
        beta_slow=float(rope.get("beta_slow", 1)),
    )
