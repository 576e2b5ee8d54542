"""How processes share a model: by heads and widths (tensor), by experts (expert), or both.

A rank is a place in a grid of ``expert`` rows and ``tensor`` columns. Ranks of a column share the
experts among them; ranks of a row share the heads of attention, the widths of every expert and the
output head.
"""

from dataclasses import dataclass, replace

from inference.errors import CheckpointUnsupported
from inference.model_config import AnyConfig, ModelConfig
from inference.model_config_deepseek_v3 import DeepseekV3Config
from inference.model_config_deepseek_v4 import DeepseekV4Config


@dataclass(frozen=True, slots=True)
class Layout:
    """Numbers of parts; 1 and 1 is one process."""

    tensor: int = 1
    expert: int = 1

    @property
    def size(self) -> int:
        return self.tensor * self.expert

    def place(self, rank: int) -> tuple[int, int]:
        """(row, column): which part of the experts and of the widths a rank has."""
        return divmod(rank, self.tensor)

    def row(self, rank: int) -> list[int]:
        """Ranks that share heads and widths with this one, in the order of their parts."""
        first = rank - rank % self.tensor
        return list(range(first, first + self.tensor))

    def column(self, rank: int) -> list[int]:
        """Ranks that share experts with this one, in the order of their parts."""
        return list(range(rank % self.tensor, self.size, self.tensor))


def part_of(config: AnyConfig, layout: Layout) -> AnyConfig:
    """The configuration of one rank's part.

    Raises:
        CheckpointUnsupported: the model cannot be shared so.
    """
    if layout.expert > 1 and config.num_experts < layout.expert:
        raise CheckpointUnsupported(
            f"{layout.expert} processes cannot share {config.num_experts} experts a layer; "
            "choose a smaller --expert-parallel."
        )
    parts = layout.tensor
    if parts == 1:
        return config
    if isinstance(config, DeepseekV3Config):  # one latent is the key of all heads
        _must_divide(parts, heads=config.num_heads)
        return replace(config, num_heads=config.num_heads // parts)
    if isinstance(config, DeepseekV4Config):
        _must_divide(parts, heads=config.num_heads, groups=config.o_groups)
        return replace(
            config, num_heads=config.num_heads // parts, o_groups=config.o_groups // parts
        )
    _must_divide(parts, heads=config.num_heads, kv_heads=config.num_kv_heads)
    return _fewer_heads(config, parts)


def _fewer_heads(config: ModelConfig, parts: int) -> ModelConfig:
    heads, kv_heads = config.num_heads // parts, config.num_kv_heads // parts
    return replace(config, num_heads=heads, num_kv_heads=kv_heads)


def _must_divide(parts: int, **counts: int) -> None:
    for name, count in counts.items():
        if count % parts:
            raise CheckpointUnsupported(
                f"{parts} processes cannot share {count} {name} evenly; choose another "
                "--tensor-parallel."
            )
