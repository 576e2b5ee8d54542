"""The tiny random DeepSeek-V4 of the benchmarks, which the tests compare too."""

from benchmarks.engine.tiny_v4 import (
    KINDS,
    RATES,
    TINY,
    TOPK,
    WINDOW,
    Sizes,
    make_tiny_v4,
    published_config,
)

__all__ = [
    "KINDS",
    "RATES",
    "TINY",
    "TOPK",
    "WINDOW",
    "Sizes",
    "make_tiny_v4",
    "published_config",
]
