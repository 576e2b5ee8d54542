"""``sovgate worker doctor``: what a device can run, and whether a checkpoint fits it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from inference.devices.examine import examine
from inference.devices.memory import size
from inference.engine.loading import EngineOptions, make_plan
from inference.errors import InferenceError
from inference.kernels.registry import choose_kernels, resolve_device


def diagnose(directory: Path | None, options: EngineOptions) -> dict[str, Any]:
    """Facts by name; ``problem`` is None where everything asked for would run.

    Raises:
        DeviceUnavailable: there is no such device; nothing else can be said then.
    """
    found = examine(options.device)
    told: dict[str, Any] = {**asdict(found), "model": None, "problem": None}
    try:
        if directory is None:
            _choose(options)
        else:
            told["model"] = _fit(directory, options)
    except InferenceError as error:
        told["problem"] = {"code": error.code, "message": error.message}
    return told


def _choose(options: EngineOptions) -> None:
    """Raises: DeviceUnavailable: nothing here keeps the weights so, whatever the model."""
    device = resolve_device(options.device)
    usual = "float32" if device.type == "cpu" else "bfloat16"
    dtype: torch.dtype = getattr(torch, usual if options.dtype == "auto" else options.dtype)
    choose_kernels(device, dtype, options.kernels, options.weights)


def _fit(directory: Path, options: EngineOptions) -> dict[str, Any]:
    plan = make_plan(directory, options)
    plan.need.check(plan.found.free, options.device)
    return {
        "kind": plan.config.kind,
        "dtype": str(plan.dtype).removeprefix("torch."),
        "weights_bytes": plan.need.weights,
        "cache_bytes": plan.need.cache,
        "graphs_bytes": plan.need.graphs,
        "cached_tokens": plan.cache.blocks * plan.cache.block_size,
        "kernels": [*plan.kernels.choices, *plan.decoding],
    }


def as_text(told: dict[str, Any]) -> str:
    lines = [
        f"{told['device']}: {told['name']} ({told['architecture']}), "
        f"{size(told['total'])} of memory, {size(told['free'])} free",
        f"torch {torch.__version__}",
        *(f"  runs {text}" for text in told["can"]),
        *(f"  {text}" for text in told["cannot"]),
    ]
    model = told["model"]
    if model:
        lines += [
            f"{model['kind']} in {model['dtype']}: {size(model['weights_bytes'])} for weights, "
            f"{size(model['cache_bytes'])} for a cache of {model['cached_tokens']:,} tokens: "
            "it fits",
            *([f"  {size(model['graphs_bytes'])} for decode steps"] * bool(model["graphs_bytes"])),
            *(f"  {text}" for text in model["kernels"]),
        ]
    if told["problem"]:
        lines.append(f"cannot run: {told['problem']['message']} [{told['problem']['code']}]")
    return "\n".join(lines)
