"""What docs/engine.md says of the memory that Flash and Pro take, computed from their shapes."""

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from published_v4 import published

from inference.models.deepseek_v4.cache import DeepseekV4Cache, values_per_token

PAGE = (Path(__file__).parents[3] / "docs" / "engine.md").read_text()
SIZES: dict[str, dict[str, Any]] = {
    "flash": {"hidden_size": 4096, "num_hidden_layers": 43, "num_attention_heads": 64}
    | {"q_lora_rank": 1024, "o_groups": 8, "n_routed_experts": 256, "moe_intermediate_size": 2048},
    "pro": {"hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128}
    | {"q_lora_rank": 1536, "o_groups": 16, "n_routed_experts": 384, "moe_intermediate_size": 3072},
}
TYPES = {
    "sliding": "sliding_attention",
    "csa": "compressed_sparse_attention",
    "hca": "heavily_compressed_attention",
}
NARROW = ("q_a_proj", "q_b_proj", "kv_proj", "o_a_proj", "o_b_proj", "_experts.gate_proj")
NARROW += ("_experts.up_proj", "_experts.down_proj")
KINDS = ("experts", "linears", "other")
# Bytes of a weight by kind: MXFP4 has a scale byte for 32 values, FP8 one for 128 x 128.
FORMATS = {
    "bfloat16": (2.0, 2.0, 2.0),
    "FP8": (1 + 1 / 16384, 1 + 1 / 16384, 2.0),
    "FP8, experts MXFP4": (0.5 + 1 / 32, 1 + 1 / 16384, 2.0),
}


def parameters(name: str) -> Counter[str]:
    """How many are routed experts', linears that are narrowed too, and others (no draft module)."""
    from transformers import DeepseekV4Config, DeepseekV4ForCausalLM

    layers = published(name).layers
    config = DeepseekV4Config(
        **SIZES[name],
        vocab_size=129280,
        num_experts_per_tok=6,
        layer_types=[TYPES[kind] for kind in layers],
        mlp_layer_types=["hash_moe"] * 3 + ["moe"] * (len(layers) - 3),
    )
    with torch.device("meta"):
        model = DeepseekV4ForCausalLM(config)
    found: Counter[str] = Counter()
    for key, weight in model.named_parameters():
        compressed = ".compressor.kv_proj" in key or ".indexer.kv_proj" in key
        narrow = weight.dim() > 1 and not compressed and any(part in key for part in NARROW)
        kind = "experts" if ".experts." in key else "linears" if narrow else "other"
        found[kind] += weight.numel()
    return found


def rows(name: str) -> list[str]:
    """The figures of docs/engine.md's table, in its order."""
    found, config = parameters(name), published(name)
    weights = [
        f"{sum(found[kind] * size for kind, size in zip(KINDS, sizes, strict=True)) / 1e9:,.0f} GB"
        for sizes in FORMATS.values()
    ]
    meta = torch.device("meta")
    one, two = (DeepseekV4Cache(config, 1, 256, n, meta, torch.bfloat16) for n in (1, 2))
    token = float(values_per_token(config) * 2)
    return [
        f"{found.total() / 1e9:,.1f} billion",
        *weights,
        f"{token:,.0f} bytes",
        f"{token * (1 << 20) / (1 << 30):.2f} GiB",
        f"{(two.state_bytes - one.state_bytes) / (1 << 20):.1f} MiB",
    ]


def test_the_page_has_the_computed_figures() -> None:
    for line in zip(rows("flash"), rows("pro"), strict=True):
        assert f"| {line[0]} | {line[1]} |" in PAGE
