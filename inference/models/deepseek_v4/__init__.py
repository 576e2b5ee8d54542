"""DeepSeek-V4 (Flash and Pro): cache, and one forward pass."""

from inference.models.deepseek_v4.build import build_deepseek_v4
from inference.models.deepseek_v4.cache import DeepseekV4Cache
from inference.models.deepseek_v4.model import DeepseekV4, keep_entries_as

__all__ = [
    "DeepseekV4",
    "DeepseekV4Cache",
    "build_deepseek_v4",
    "keep_entries_as",
]
