"""One process's part of a model, built by the same code as the whole one."""

from dataclasses import dataclass
from typing import Any

import torch

from inference.kernels.registry import choose_kernels, resolve_device
from inference.model_config import load_config
from inference.models import Model, build_model
from inference.models.decoder import Decoder
from inference.models.deepseek_v3 import DeepseekV3
from inference.models.deepseek_v4 import DeepseekV4, keep_entries_as
from inference.parallel.checkpoint import PartialCheckpoint
from inference.parallel.groups import Group, Groups
from inference.parallel.kernels import JoinedLinear, JoinedStep, ParallelKernels, SummedLinear
from inference.parallel.layout import part_of
from inference.parallel.placement import read_loads
from inference.parallel.plan import Plan


@dataclass(frozen=True, slots=True)
class Part:
    model: Model
    kernels: ParallelKernels


def build_part(plan: Plan, groups: Groups) -> Part:
    """Raises: CheckpointInvalid, CheckpointUnsupported, DeviceUnavailable."""
    torch.set_num_threads(plan.threads)
    config = part_of(load_config(plan.directory), plan.layout)
    device = resolve_device(plan.device)
    dtype: torch.dtype = getattr(torch, plan.dtype)
    checkpoint = PartialCheckpoint(plan.directory, device, dtype, groups.tensor)
    loads = read_loads(plan.expert_loads) if plan.expert_loads else {}
    inner = choose_kernels(
        device, dtype, plan.kernels, plan.weights, model=config.kind, shared=True
    )
    kernels = ParallelKernels(inner, checkpoint, groups, loads, plan.redundant_experts)
    model = build_model(config, checkpoint, kernels, device, dtype)
    keep_entries_as(model, plan.kv_dtype)
    if plan.layout.tensor > 1:
        _join(model, checkpoint, groups.tensor)
    return Part(model, kernels)


def _join(model: Any, checkpoint: PartialCheckpoint, group: Group) -> None:
    """Add up what attention gives, and put the logits together."""
    if isinstance(model, DeepseekV4):
        layers = [*model.layers, *([model.drafter.layer] if model.drafter else [])]
        for layer in layers:
            layer.attention.output = SummedLinear(layer.attention.output, group)
        model.head = JoinedLinear(model.head, group, model.config.vocab_size)
        if model.fused is not None:
            model.fused = JoinedStep(model.fused, group, model.config.vocab_size)
    elif isinstance(model, Decoder | DeepseekV3):
        for layer in model.layers:
            layer.output = SummedLinear(layer.output, group)
        if not model.config.tie_word_embeddings and "lm_head.weight" in checkpoint:
            model.head = JoinedLinear(model.head, group, model.config.vocab_size)
