"""DeepSeek-V4 Flash and Pro, by the numbers that are public."""

from typing import Any

from tiny_v4 import published_config

from inference.model_config_deepseek_v4 import DeepseekV4Config, parse_deepseek_v4

CONTEXT = 1 << 20


def published(name: str) -> DeepseekV4Config:
    """Flash or Pro, by the numbers that are public."""
    pairs = [4, 128]
    sizes: dict[str, Any] = {
        "flash": {
            "hidden_size": 4096,
            "num_hidden_layers": 43,
            "num_attention_heads": 64,
            "compress_ratios": [0, 0, *(pairs * 21)[:41], 0],
        },
        "pro": {
            "hidden_size": 7168,
            "num_hidden_layers": 61,
            "num_attention_heads": 128,
            "compress_ratios": [128, 128, *(pairs * 30)[:59], 0],
        },
    }[name]
    config = {
        **published_config(),
        **sizes,
        "head_dim": 512,
        "qk_rope_head_dim": 64,
        "sliding_window": 128,
        "index_n_heads": 64,
        "index_head_dim": 128,
        "max_position_embeddings": CONTEXT,
    }
    del config["compress_rate_csa"], config["compress_rate_hca"]
    return parse_deepseek_v4(config)
