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


MAKERS: dict[str, Callable[[], Any]] = {
    "mixtral": _make_mixtral,
    "qwen3_moe": _make_qwen3_moe,
    "llama": _make_llama,
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
