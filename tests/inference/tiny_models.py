"""Tiny random checkpoints, made by transformers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SMALL: dict[str, Any] = {
    "vocab_size": 160,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def _make_mixtral() -> Any:
    from transformers import MixtralConfig, MixtralForCausalLM

    config = MixtralConfig(
        **SMALL, intermediate_size=64, num_local_experts=6, num_experts_per_tok=2
    )
    return MixtralForCausalLM(config)


def _make_qwen3_moe() -> Any:
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    config = Qwen3MoeConfig(
        **SMALL,
        intermediate_size=96,
        moe_intermediate_size=32,
        num_experts=8,
        num_experts_per_tok=3,
        norm_topk_prob=True,
        mlp_only_layers=[1],
        head_dim=16,  # pyright: ignore[reportCallIssue]  (read by the model, not declared)
        tie_word_embeddings=True,
    )
    return Qwen3MoeForCausalLM(config)


def _make_llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**SMALL, intermediate_size=96))


def _make_deepseek_v3() -> Any:
    from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

    config = DeepseekV3Config(
        **{**SMALL, "num_key_value_heads": 6, "num_hidden_layers": 4},
        intermediate_size=96,
        moe_intermediate_size=32,
        n_routed_experts=8,
        n_shared_experts=2,
        num_experts_per_tok=3,
        n_group=4,
        topk_group=2,
        first_k_dense_replace=1,
        norm_topk_prob=True,
        routed_scaling_factor=2.5,
        q_lora_rank=24,
        kv_lora_rank=20,
        qk_nope_head_dim=12,
        qk_rope_head_dim=8,
        v_head_dim=10,
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": 10000.0,
            "factor": 4.0,
            "original_max_position_embeddings": 64,
            "mscale": 1.0,
            "mscale_all_dim": 0.7,
        },
    )
    return DeepseekV3ForCausalLM(config)


MAKERS: dict[str, Callable[[], Any]] = {
    "mixtral": _make_mixtral,
    "qwen3_moe": _make_qwen3_moe,
    "llama": _make_llama,
    "deepseek_v3": _make_deepseek_v3,
}


def make_tiny(kind: str, directory: Path) -> tuple[Path, Any]:
    import torch

    torch.manual_seed(7)
    model = MAKERS[kind]().eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:  # wide enough that greedy choices are not near ties
            parameter.data.normal_(std=0.15)
    model.save_pretrained(directory)
    return directory, model
