"""DeepSeek-V3 and R1."""

from inference.models.deepseek_v3.build import build_deepseek_v3
from inference.models.deepseek_v3.model import DeepseekV3

__all__ = ["DeepseekV3", "build_deepseek_v3"]
