"""From a checkpoint directory to a ready engine."""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import torch

from inference.checkpoint import Checkpoint
from inference.devices import Capabilities, MemoryNeed, examine, memory_need
from inference.devices.memory import CacheSize
from inference.engine.block_manager import BlockManager
from inference.engine.decode_shapes import Shape, decode_shapes
from inference.engine.drawing import Draw, draw
from inference.engine.engine import Engine
from inference.engine.graphs import why_not
from inference.engine.kernel_drawing import KernelDraw
from inference.engine.model_runner import ModelRunner
from inference.engine.scheduler import SchedulerLimits
from inference.engine.speculation import ModelDraft, PromptLookup
from inference.engine.warm_up import warm_up
from inference.kernels.interface import KernelSet, SamplingKernels
from inference.kernels.registry import Preference, Weights, choose_kernels, resolve_device
from inference.model_config import AnyConfig, load_config
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models import Model, build_model
from inference.models.deepseek_v4 import keep_entries_as
from inference.models.deepseek_v4.cache import KvDtype
from inference.parallel import Layout, follow_launched, lead
from inference.parallel import Plan as ParallelPlan

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


Graphs = Literal["auto", "static", "off"]
"""Whether decode steps have fixed shapes. ``auto``: on CUDA, where they are captured as graphs, if
nothing forbids it. ``static``: on any device, captured only on CUDA; so a CPU checks them."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a worker runs a checkpoint; see docs/engine.md for what was measured."""

    device: str = "cpu"
    dtype: str = "auto"
    kernels: Preference = "auto"
    weights: Weights = "auto"  # what weights are kept as; auto: as they are computed with
    kv_blocks: int = 1024
    block_size: int = 16
    threads: int = 0  # 0: all usable processors but one
    prefix_cache: bool = True  # sequences that begin alike share what is computed of it
    snapshots: int = 64  # running states remembered at block ends, for models that have such
    guesses: int = 0  # tokens guessed after each one, by a draft module or prompt lookup; up to 15
    limits: SchedulerLimits = field(default_factory=SchedulerLimits)
    kv_dtype: KvDtype = "auto"  # what DeepSeek-V4's entries in the cache are kept as
    layout: Layout = field(default_factory=Layout)  # over how many processes, see `parallel`
    expert_loads: Path | None = None  # tokens of each expert, to place them by
    rebalance_steps: int = 0  # after so many, experts are placed anew by their load; 0: at start
    exchange_seconds: float = 60.0  # an exchange among processes may take so long
    redundant_experts: int = 0  # copies beyond one of each expert, in each layer
    graphs: Graphs = "auto"


def default_threads() -> int:
    """All usable processors but one, which the gateway and the event loop need.

    Measured on two cores (docs/engine.md): a second thread gives 1.3 to 1.8
    times the speed on an idle machine, but with another busy process beside it
    the threads wait for each other and lose a factor of ten and more.
    """
    return max(1, len(os.sched_getaffinity(0)) - 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What loading would do, told before a weight is read."""

    config: AnyConfig
    checkpoint: Checkpoint
    device: torch.device
    dtype: torch.dtype
    kernels: KernelSet  # chosen once; where several processes share a model each chooses its own
    found: Capabilities
    cache: CacheSize
    snapshots: int  # of the cache's states
    need: MemoryNeed
    decode_shapes: tuple[Shape, ...]  # of decode steps that are prepared
    not_prepared: str  # why there are none, where one could expect some

    @property
    def decoding(self) -> tuple[str, ...]:
        """A sentence on decode steps, where there is something to say."""
        if self.not_prepared:
            return (f"Decode steps: no CUDA graphs, because {self.not_prepared}.",)
        if not self.decode_shapes:
            return ()
        most, count = self.decode_shapes[-1].rows, len(self.decode_shapes)
        return (f"Decode steps: {count} fixed shapes of up to {most} sequences.",)


def make_plan(directory: Path, options: EngineOptions) -> Plan:
    """Raises: CheckpointInvalid, CheckpointUnsupported, DeviceUnavailable."""
    config = load_config(directory)
    device = resolve_device(options.device)
    dtype = _DTYPES[config.dtype if options.dtype == "auto" else options.dtype]
    kernels = choose_kernels(
        device,
        dtype,
        options.kernels,
        options.weights,
        model=config.kind,
        shared=options.layout.size > 1,
    )
    cache, snapshots = _cache_size(config, options)
    checkpoint = Checkpoint(directory, device, dtype)
    layout = options.layout
    on_cpu = device.type == "cpu"
    shapes, reason = _decode_shapes(config, device, kernels, cache, options)
    need = memory_need(
        checkpoint,
        config,
        dtype,
        options.weights,
        cache,
        decode_shapes=shapes,
        kv_dtype=options.kv_dtype,
        layout=layout,
        redundant_experts=options.redundant_experts,
        moves_experts=options.rebalance_steps > 0,
        on_cpu=on_cpu,
    )
    if on_cpu:
        need = need.times(layout.size)
    return Plan(
        config,
        checkpoint,
        device,
        dtype,
        kernels,
        examine(options.device),
        cache,
        snapshots,
        need,
        shapes,
        reason,
    )


def _cache_size(config: AnyConfig, options: EngineOptions) -> tuple[CacheSize, int]:
    """Of blocks that a model's compressors divide, and how many of the states are snapshots."""
    states = options.limits.max_batch if isinstance(config, DeepseekV4Config) else 0
    snapshots = options.snapshots if states and options.prefix_cache else 0
    multiple = config.block_multiple
    block_size = -(-options.block_size // multiple) * multiple
    num_blocks = max(1, options.kv_blocks * options.block_size // block_size)
    return CacheSize(num_blocks, block_size, states + snapshots), snapshots


def _decode_shapes(
    config: AnyConfig,
    device: torch.device,
    kernels: KernelSet,
    cache: CacheSize,
    options: EngineOptions,
) -> tuple[tuple[Shape, ...], str]:
    """What decode steps are prepared, and why none, where one could expect some."""
    if options.graphs == "off" or (options.graphs == "auto" and device.type != "cuda"):
        return (), ""
    reason = "several processes share the model" if options.layout.size > 1 else ""
    if not reason and options.graphs == "auto":
        reason = why_not(kernels, config, options.guesses)
    positions = min(config.max_context, cache.blocks * cache.block_size)
    if reason:
        return (), reason
    return decode_shapes(options.limits.max_batch, positions, cache.block_size), ""


def load_engine(directory: Path, options: EngineOptions) -> tuple[Engine, tuple[str, ...]]:
    """The engine, and sentences on what was chosen.

    The caller has verified the directory (`inference.provenance`) before.

    Raises:
        CheckpointInvalid, CheckpointUnsupported, DeviceUnavailable.
        DeviceTooSmall: nothing has been loaded then.
        EngineFailed: another process of a parallel worker did not start.
    """
    torch.set_num_threads(options.threads or default_threads())
    plan = make_plan(directory, options)
    plan.need.check(plan.found.free, options.device)
    model, choices = _load_model(directory, options, plan)
    drawing = _draw_of(plan)
    blocks = BlockManager(
        plan.cache.blocks,
        plan.cache.block_size,
        num_states=plan.cache.states - plan.snapshots,
        num_snapshots=plan.snapshots,
        reuse=options.prefix_cache,
    )
    runner = ModelRunner(
        model,
        plan.cache.blocks,
        plan.cache.block_size,
        plan.cache.states,
        plan.decode_shapes,
    )
    if plan.device.type != "cpu":
        warm_up(runner, options.limits, plan.config.num_experts_per_tok, drawing)
    choices += plan.decoding
    if plan.decode_shapes:
        choices += runner.prepare_decoding()
    guess = None
    if options.guesses:
        guess = (ModelDraft if runner.drafts else PromptLookup)(options.guesses)
    return Engine(runner, blocks, options.limits, guess, drawing), choices


def _draw_of(plan: Plan) -> Draw:
    kernels = plan.kernels
    return KernelDraw(kernels, plan.device) if isinstance(kernels, SamplingKernels) else draw


def follow_engine(directory: Path, options: EngineOptions, rank: int) -> None:
    """Be a process beside the one with the engine, to its end; raises as `load_engine`."""
    follow_launched(_shared(directory, options, make_plan(directory, options)), rank)


def _load_model(
    directory: Path, options: EngineOptions, plan: Plan
) -> tuple[Model, tuple[str, ...]]:
    if options.layout.size > 1:
        return lead(_shared(directory, options, plan))
    model = build_model(plan.config, plan.checkpoint, plan.kernels, plan.device, plan.dtype)
    keep_entries_as(model, options.kv_dtype)
    return model, tuple(plan.kernels.choices)


def _shared(directory: Path, options: EngineOptions, plan: Plan) -> ParallelPlan:
    """What all processes of a parallel worker are told."""
    threads = options.threads or max(1, default_threads() // options.layout.size)
    return ParallelPlan(
        directory.resolve(),
        options.layout,
        options.device,
        str(plan.dtype).removeprefix("torch."),
        options.kernels,
        options.weights,
        options.kv_dtype,
        threads,
        timedelta(seconds=options.exchange_seconds),
        expert_loads=options.expert_loads,
        redundant_experts=options.redundant_experts,
        rebalance_steps=options.rebalance_steps,
    )
