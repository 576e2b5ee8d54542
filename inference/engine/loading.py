"""From a checkpoint directory to a ready engine."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from inference.checkpoint import Checkpoint
from inference.engine.engine import Engine
from inference.engine.model_runner import ModelRunner
from inference.engine.scheduler import SchedulerLimits
from inference.kernels.registry import Preference, choose_kernels, resolve_device
from inference.model_config import ModelConfig
from inference.models import build_model

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a worker runs a checkpoint; see docs/engine.md for what was measured."""

    device: str = "cpu"
    dtype: str = "auto"
    kernels: Preference = "auto"
    kv_blocks: int = 1024
    block_size: int = 16
    threads: int = 0  # 0: as many as processors are usable
    limits: SchedulerLimits = field(default_factory=SchedulerLimits)


def load_engine(directory: Path, options: EngineOptions) -> tuple[Engine, tuple[str, ...]]:
    """The engine, and sentences on what was chosen.

    The caller has verified the directory (`inference.provenance`) before.

    Raises:
        CheckpointInvalid, CheckpointUnsupported, DeviceUnavailable.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    config = ModelConfig.load(directory)
    device = resolve_device(options.device)
    dtype = _DTYPES[config.dtype if options.dtype == "auto" else options.dtype]
    kernels = choose_kernels(device, dtype, options.kernels)
    model = build_model(config, Checkpoint(directory, device, dtype), kernels, device, dtype)
    runner = ModelRunner(model, options.kv_blocks, options.block_size)
    return Engine(runner, options.kv_blocks, options.limits), tuple(kernels.choices)
