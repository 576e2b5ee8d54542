"""A tiny random DeepSeek-V4: transformers' model, and the same weights under published names."""

import json
import re
from pathlib import Path
from typing import Any

Sizes = dict[str, Any]

# Every kind of layer twice, both routers, and lengths that a short prompt passes.
TINY: Sizes = {
    "vocab_size": 97,
    "hidden_size": 48,
    "moe_intermediate_size": 24,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "qk_rope_head_dim": 8,
    "q_lora_rank": 20,
    "num_experts_per_tok": 2,
    "n_routed_experts": 6,
    "n_shared_experts": 1,
    "routed_scaling_factor": 1.5,
    "max_position_embeddings": 1024,
    "sliding_window": 16,
    "o_groups": 2,
    "o_lora_rank": 12,
    "index_n_heads": 16,
    "index_head_dim": 16,
    "index_topk": 5,
    "hc_mult": 4,
    "hc_sinkhorn_iters": 20,
    "swiglu_limit": 1.0,  # low enough to cut
}
KINDS = ["sliding", "csa", "hca", "csa", "hca", "sliding"]
RATES: Sizes = {"csa": 4, "hca": 8}
WINDOW, TOPK = TINY["sliding_window"], TINY["index_topk"]
_TYPES = {
    "sliding": "sliding_attention",
    "csa": "compressed_sparse_attention",
    "hca": "heavily_compressed_attention",
}
_YARN = {
    "rope_type": "yarn",
    "factor": 16.0,
    "original_max_position_embeddings": 64,
    "beta_fast": 32,
    "beta_slow": 1,
}


def _kinds(sizes: Sizes) -> list[str]:
    return KINDS[: sizes["num_hidden_layers"]]


def published_config(sizes: Sizes = TINY, rates: Sizes = RATES) -> dict[str, Any]:
    """``config.json`` as checkpoints have it."""
    return {
        **sizes,
        "model_type": "deepseek_v4",
        "compress_ratios": [{"sliding": 0, **rates}[kind] for kind in _kinds(sizes)] + [0],
        "compress_rate_csa": rates["csa"],
        "compress_rate_hca": rates["hca"],
        "num_hash_layers": 1,
        "rope_theta": 10000,
        "compress_rope_theta": 160000,
        "rope_scaling": {**_YARN, "type": "yarn"},
        "rms_norm_eps": 1e-6,
        "hc_eps": 1e-6,
        "eos_token_id": 1,
        "torch_dtype": "float32",
        "tie_word_embeddings": False,
    }


def make_tiny_v4(
    directory: Path,
    seed: int = 3,
    *,
    drafts: bool = False,
    sizes: Sizes = TINY,
    rates: Sizes = RATES,
) -> Any:
    """Writes a checkpoint; transformers' model with the same weights.

    With ``drafts`` also those of a draft module, whose layer is the model's ``drafter``.
    """
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    kinds = _kinds(sizes)
    experts = ["hash_moe"] + ["moe"] * (len(kinds) - 1)
    model = _random_model(kinds, experts, sizes, rates)
    weights = published_weights(model.state_dict())
    if drafts:
        drafter = _random_model(["sliding"], ["moe"], sizes, rates)
        drafter.lm_head = model.lm_head
        object.__setattr__(model, "drafter", drafter)
        weights |= _draft_weights(drafter)
    save_file(weights, directory / "model.safetensors")
    (directory / "config.json").write_text(json.dumps(published_config(sizes, rates)))
    return model


def _random_model(kinds: list[str], experts: list[str], sizes: Sizes, rates: Sizes) -> Any:
    import torch
    from transformers import DeepseekV4Config, DeepseekV4ForCausalLM

    config = DeepseekV4Config(
        **{**sizes, "num_hidden_layers": len(kinds)},
        layer_types=[_TYPES[kind] for kind in kinds],
        compress_rates={_TYPES[kind]: rate for kind, rate in rates.items()},
        mlp_layer_types=experts,
        partial_rotary_factor=sizes["qk_rope_head_dim"] / sizes["head_dim"],
        rope_parameters=dict(_YARN),
        eos_token_id=1,
    )
    model = DeepseekV4ForCausalLM(config).eval()
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.data.uniform_(0.5, 1.5)
        else:
            parameter.data.normal_(std=0.15 if parameter.dim() > 1 else 0.5)
    for name, buffer in model.named_buffers():
        if name.endswith("tid2eid"):
            rows, used = buffer.shape
            choices = [torch.randperm(sizes["n_routed_experts"])[:used] for _ in range(rows)]
            buffer.copy_(torch.stack(choices))
        elif name.endswith("e_score_correction_bias"):
            buffer.normal_(std=0.1)
    return model


def _draft_weights(drafter: Any) -> dict[str, Any]:
    import torch

    width = drafter.config.hidden_size
    own = published_weights(drafter.state_dict())
    weights = {
        f"mtp.0.{name.removeprefix('layers.0.')}": tensor
        for name, tensor in own.items()
        if not name.startswith(("embed.", "head."))
    }
    for name in ("enorm", "hnorm"):
        weights[f"mtp.0.{name}.weight"] = torch.rand(width) + 0.5
    for name in ("e_proj", "h_proj"):
        weights[f"mtp.0.{name}.weight"] = torch.randn(width, width) * 0.15
    return weights


_NAMES = [
    (r"^model\.embed_tokens\.", "embed."),
    (r"^lm_head\.", "head."),
    (r"^model\.hc_head\.hc_", "hc_head_"),
    (r"^model\.", ""),
    (r"\.input_layernorm\.", ".attn_norm."),
    (r"\.post_attention_layernorm\.", ".ffn_norm."),
    (r"\.attn_hc\.", ".hc_attn_"),
    (r"\.ffn_hc\.", ".hc_ffn_"),
    (r"\.self_attn\.compressor\.indexer\.q_b_proj\.", ".attn.indexer.wq_b."),
    (r"\.self_attn\.compressor\.indexer\.scorer\.weights_proj\.", ".attn.indexer.weights_proj."),
    (r"\.self_attn\.compressor\.indexer\.", ".attn.indexer.compressor."),
    (r"\.self_attn\.", ".attn."),
    (r"\.compressor\.kv_proj\.", ".compressor.wkv."),
    (r"\.compressor\.gate_proj\.", ".compressor.wgate."),
    (r"\.compressor\.position_bias$", ".compressor.ape"),
    (r"\.compressor\.kv_norm\.", ".compressor.norm."),
    (r"\.attn\.q_a_proj\.", ".attn.wq_a."),
    (r"\.attn\.q_a_norm\.", ".attn.q_norm."),
    (r"\.attn\.q_b_proj\.", ".attn.wq_b."),
    (r"\.attn\.kv_proj\.", ".attn.wkv."),
    (r"\.attn\.o_a_proj\.", ".attn.wo_a."),
    (r"\.attn\.o_b_proj\.", ".attn.wo_b."),
    (r"\.attn\.sinks$", ".attn.attn_sink"),
    (r"\.mlp\.", ".ffn."),
    (r"\.gate\.e_score_correction_bias$", ".gate.bias"),
    (r"\.shared_experts\.gate_proj\.", ".shared_experts.w1."),
    (r"\.shared_experts\.up_proj\.", ".shared_experts.w3."),
    (r"\.shared_experts\.down_proj\.", ".shared_experts.w2."),
]


def published_weights(state: dict[str, Any]) -> dict[str, Any]:
    """transformers' names as the published ones; its joined experts taken apart."""
    out: dict[str, Any] = {}
    for name, tensor in state.items():
        for pattern, new in _NAMES:
            name = re.sub(pattern, new, name)
        if name.endswith("experts.gate_up_proj"):
            for expert, both in enumerate(tensor):
                gate, up = both.chunk(2)
                stem = name.replace("gate_up_proj", str(expert))
                out[f"{stem}.w1.weight"], out[f"{stem}.w3.weight"] = gate.clone(), up.clone()
        elif name.endswith("experts.down_proj"):
            for expert, down in enumerate(tensor):
                out[f"{name.replace('down_proj', str(expert))}.w2.weight"] = down.clone()
        else:
            out[name] = tensor.clone().contiguous()
    return out
