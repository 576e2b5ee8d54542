"""What every process of a parallel worker must know alike, as JSON between them."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from inference.kernels.registry import Preference, Weights
from inference.models.deepseek_v4.cache import KvDtype
from inference.parallel.layout import Layout


@dataclass(frozen=True, slots=True)
class Plan:
    """A checkpoint and how it is shared."""

    directory: Path
    layout: Layout
    device: str = "cpu"
    dtype: str = "float32"  # of torch, never auto
    kernels: Preference = "auto"
    weights: Weights = "auto"
    kv_dtype: KvDtype = "auto"
    threads: int = 1  # of each process
    timeout: timedelta = timedelta(seconds=60)  # of one exchange; then a process counts as lost
    expert_loads: Path | None = None  # see `placement.read_loads`
    redundant_experts: int = 0  # copies beyond one of each expert, of each layer
    rebalance_steps: int = 0  # between two looks at how experts are placed; 0: at the start only

    def to_json(self) -> str:
        given = asdict(self)
        given["timeout"] = self.timeout.total_seconds()
        return json.dumps(given, default=str)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        given = json.loads(text)
        given["layout"] = Layout(**given["layout"])
        given["timeout"] = timedelta(seconds=given["timeout"])
        for name in ("directory", "expert_loads"):
            given[name] = given[name] and Path(given[name])
        return cls(**given)
