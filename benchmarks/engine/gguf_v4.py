"""A DeepSeek-V4 checkpoint as a GGUF file, which llama.cpp reads.

Takes a checkpoint with the published names and no quantisation. gguf 0.19.0 knows no
``deepseek4``; the keys and names are those that llama.cpp asks for when it loads one
(src/models/deepseek4.cpp, as shipped with llama-cpp-python 0.3.36). It runs compression rates 4
and 128 only.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType
from safetensors.numpy import load_file

ARCHITECTURE = "deepseek4"
_SQRT_SOFTPLUS = 4

_MODEL = {
    "embed.weight": "token_embd.weight",
    "norm.weight": "output_norm.weight",
    "head.weight": "output.weight",
    "hc_head_fn": "output_hc_fn.weight",
    "hc_head_base": "output_hc_base.weight",
    "hc_head_scale": "output_hc_scale.weight",
}
_LAYER = {
    "hc_attn_fn": "hc_attn_fn.weight",
    "hc_attn_base": "hc_attn_base.weight",
    "hc_attn_scale": "hc_attn_scale.weight",
    "hc_ffn_fn": "hc_ffn_fn.weight",
    "hc_ffn_base": "hc_ffn_base.weight",
    "hc_ffn_scale": "hc_ffn_scale.weight",
    "attn_norm.weight": "attn_norm.weight",
    "attn.attn_sink": "attn_sinks.weight",
    "attn.wq_a.weight": "attn_q_a.weight",
    "attn.q_norm.weight": "attn_q_a_norm.weight",
    "attn.wq_b.weight": "attn_q_b.weight",
    "attn.wkv.weight": "attn_kv.weight",
    "attn.kv_norm.weight": "attn_kv_a_norm.weight",
    "attn.wo_a.weight": "attn_output_a.weight",
    "attn.wo_b.weight": "attn_output_b.weight",
    "attn.compressor.wkv.weight": "attn_compressor_kv.weight",
    "attn.compressor.wgate.weight": "attn_compressor_gate.weight",
    "attn.compressor.ape": "attn_compressor_ape.weight",
    "attn.compressor.norm.weight": "attn_compressor_norm.weight",
    "attn.indexer.wq_b.weight": "indexer.attn_q_b.weight",
    "attn.indexer.weights_proj.weight": "indexer.proj.weight",
    "attn.indexer.compressor.wkv.weight": "indexer_compressor_kv.weight",
    "attn.indexer.compressor.wgate.weight": "indexer_compressor_gate.weight",
    "attn.indexer.compressor.ape": "indexer_compressor_ape.weight",
    "attn.indexer.compressor.norm.weight": "indexer_compressor_norm.weight",
    "ffn_norm.weight": "ffn_norm.weight",
    "ffn.gate.weight": "ffn_gate_inp.weight",
    "ffn.gate.bias": "exp_probs_b.bias",
    "ffn.gate.tid2eid": "ffn_gate_tid2eid.weight",
    "ffn.shared_experts.w1.weight": "ffn_gate_shexp.weight",
    "ffn.shared_experts.w2.weight": "ffn_down_shexp.weight",
    "ffn.shared_experts.w3.weight": "ffn_up_shexp.weight",
}
_EXPERTS = {"w1": "ffn_gate_exps", "w2": "ffn_down_exps", "w3": "ffn_up_exps"}


def write_gguf(
    checkpoint: Path,
    out: Path,
    linears: GGMLQuantizationType = GGMLQuantizationType.F32,
) -> Path:
    """Every matrix of a linear layer or an expert is stored as ``linears``, the rest as float32."""
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    weights: dict[str, np.ndarray] = {}
    for file in checkpoint.glob("*.safetensors"):
        weights |= load_file(file)
    writer = gguf.GGUFWriter(out, ARCHITECTURE)
    _add_settings(writer, config)
    _add_vocabulary(writer, int(config["vocab_size"]))
    for name, values in _tensors(config, weights):
        if linears != GGMLQuantizationType.F32 and _is_linear(name, values):
            writer.add_tensor(name, gguf.quantize(values, linears), raw_dtype=linears)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def _add_settings(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    layers = config["num_hidden_layers"]
    writer.add_block_count(layers)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_q_lora_rank(config["q_lora_rank"])
    writer.add_sliding_window(config["sliding_window"])
    writer.add_indexer_head_count(config["index_n_heads"])
    writer.add_indexer_key_length(config["index_head_dim"])
    writer.add_indexer_top_k(config["index_topk"])
    _add_rope(writer, config)
    _add_experts(writer, config)
    for key, value in (
        ("attention.output_group_count", config["o_groups"]),
        ("attention.output_lora_rank", config["o_lora_rank"]),
        ("hyper_connection.count", config["hc_mult"]),
        ("hyper_connection.sinkhorn_iterations", config["hc_sinkhorn_iters"]),
        ("hash_layer_count", config["num_hash_layers"]),
        ("embedding_length_out", config["hidden_size"] * config["hc_mult"]),
    ):
        writer.add_uint32(f"{ARCHITECTURE}.{key}", value)
    writer.add_float32(f"{ARCHITECTURE}.hyper_connection.epsilon", config["hc_eps"])
    writer.add_array(
        f"{ARCHITECTURE}.attention.compress_ratios", config["compress_ratios"][:layers]
    )


def _add_rope(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_rope_dimension_count(config["qk_rope_head_dim"])
    writer.add_rope_freq_base(float(config["rope_theta"]))
    writer.add_float32(
        f"{ARCHITECTURE}.attention.compress_rope_freq_base", config["compress_rope_theta"]
    )
    yarn = config["rope_scaling"]
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(yarn["factor"])
    writer.add_rope_scaling_orig_ctx_len(yarn["original_max_position_embeddings"])
    writer.add_rope_scaling_yarn_beta_fast(yarn["beta_fast"])
    writer.add_rope_scaling_yarn_beta_slow(yarn["beta_slow"])


def _add_experts(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    limits = [float(config["swiglu_limit"])] * config["num_hidden_layers"]
    writer.add_expert_count(config["n_routed_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_expert_shared_count(config["n_shared_experts"])
    writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    writer.add_expert_weights_scale(config["routed_scaling_factor"])
    writer.add_expert_weights_norm(config.get("norm_topk_prob", True))
    writer.add_uint32(f"{ARCHITECTURE}.expert_gating_func", _SQRT_SOFTPLUS)
    writer.add_array(f"{ARCHITECTURE}.swiglu_clamp_exp", limits)
    writer.add_array(f"{ARCHITECTURE}.swiglu_clamp_shexp", limits)


def _add_vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    """Words that mean nothing: prompts are token ids. Whole characters, so that none waits."""
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "</s>", "<s>", *(f" {at}" for at in range(3, size))])
    writer.add_token_scores([0.0] * size)
    writer.add_token_types(kinds + [gguf.TokenType.NORMAL] * (size - len(kinds)))
    writer.add_unk_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_add_bos_token(False)


def _tensors(
    config: dict[str, Any], weights: dict[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """Raises: KeyError: a tensor has a name that has no place in the file."""
    for name, values in weights.items():
        if name in _MODEL:
            yield _MODEL[name], values.astype(np.float32)
        elif name.startswith("layers.") and ".ffn.experts." not in name:
            _, layer, part = name.split(".", 2)
            dtype = np.int32 if part.endswith("tid2eid") else np.float32
            if part == "ffn.gate.bias" and int(layer) < config["num_hash_layers"]:
                continue
            yield f"blk.{layer}.{_LAYER[part]}", values.astype(dtype)
    for layer in range(config["num_hidden_layers"]):
        for part, theirs in _EXPERTS.items():
            names = [
                f"layers.{layer}.ffn.experts.{expert}.{part}.weight"
                for expert in range(config["n_routed_experts"])
            ]
            stacked = np.stack([weights[name] for name in names]).astype(np.float32)
            yield f"blk.{layer}.{theirs}.weight", stacked


_EXACT = ("hc_", "_ape", "ffn_gate_inp", "tid2eid", "indexer.proj")


def _is_linear(name: str, values: np.ndarray) -> bool:
    return values.ndim > 1 and not any(part in name for part in _EXACT)
