"""Sizes of DeepSeek-V4's cache: the formula, and what is published of Flash and Pro."""

import pytest
import torch
from published_v4 import published
from tiny_v4 import RATES, published_config

from inference.model_config_deepseek_v4 import DeepseekV4Config, parse_deepseek_v4
from inference.models.deepseek_v4.cache import DeepseekV4Cache, values_per_token

MILLION = 1 << 20
GIB = 1 << 30


def cache(config: DeepseekV4Config, blocks: int, block_size: int, states: int) -> DeepseekV4Cache:
    """Shapes without memory."""
    meta = torch.device("meta")
    return DeepseekV4Cache(config, blocks, block_size, states, meta, torch.bfloat16)


@pytest.mark.parametrize(("name", "gib"), [("flash", 6.72), ("pro", 9.62)])
def test_a_million_tokens_take_what_is_published(name: str, gib: float) -> None:
    config = published(name)
    kinds = [config.layers.count(kind) for kind in ("sliding", "csa", "hca")]
    assert kinds == ([2, 21, 20] if name == "flash" else [0, 30, 31])
    made = cache(config, MILLION // 256, 256, 1)
    assert round(made.block_bytes / GIB, 2) == gib
    assert made.block_bytes == values_per_token(config) * MILLION * 2


def test_bytes_follow_the_formula() -> None:
    config = parse_deepseek_v4(published_config())
    made = cache(config, 5, 24, 3)
    assert made.block_bytes == values_per_token(config) * 5 * 24 * 2
    # Two layers of overlapping windows with an indexer, two of plain ones.
    assert values_per_token(config) == 2 * (32 + 16) / RATES["csa"] + 2 * 32 / RATES["hca"]
    assert cache(config, 5, 24, 6).state_bytes == 2 * made.state_bytes
    assert made.bytes == made.block_bytes + made.state_bytes


def test_a_block_holds_whole_entries() -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        cache(parse_deepseek_v4(published_config()), 5, 12, 1)
