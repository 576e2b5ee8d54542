"""A kernel set that runs another one's operators on this process's part of a model."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from inference.kernels.cpu.native_v4 import NativeV4Step
from inference.kernels.interface import (
    Batch,
    ExpertParts,
    Experts,
    ExpertWeights,
    FusedStep,
    KernelSet,
    Linear,
)
from inference.parallel.checkpoint import PartialCheckpoint, layer_of
from inference.parallel.experts import DispatchedExperts, SharedWidthExperts
from inference.parallel.groups import Group, Groups
from inference.parallel.moving import Move, exchange
from inference.parallel.placement import Placement, balance, even


class SummedLinear:
    """A linear of whose inputs each process has a part."""

    def __init__(self, inner: Linear, group: Group) -> None:
        self._inner, self._group = inner, group

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        return self._group.add_up(self._inner(hidden))


class JoinedLinear:
    """A linear of whose ``outputs`` each process has a part."""

    def __init__(self, inner: Linear, group: Group, outputs: int) -> None:
        self._inner, self._group, self._outputs = inner, group, outputs

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        return _joined(self._inner(hidden), self._group, self._outputs)


class JoinedStep:
    """Whole steps that give a part of the ``outputs`` logits in each process."""

    def __init__(self, inner: FusedStep, group: Group, outputs: int) -> None:
        self._inner, self._group, self._outputs = inner, group, outputs

    def logits(self, batch: Batch, cache: Any) -> torch.Tensor:
        return _joined(self._inner.logits(batch, cache), self._group, self._outputs)

    def states(self, batch: Batch, cache: Any) -> torch.Tensor:
        return self._inner.states(batch, cache)


def _joined(part: torch.Tensor, group: Group, outputs: int) -> torch.Tensor:
    """[rows, outputs] of the columns that each process has."""
    return group.join_rows(part.transpose(0, 1), outputs).transpose(0, 1).contiguous()


@runtime_checkable
class Movable(Protocol):
    """Experts each of which is prepared by itself."""

    def given(self, expert: int) -> ExpertParts | None:
        """Its weights as they were given; None where preparing lost them."""
        ...

    def rearranged(self, slots: Sequence[int | ExpertParts]) -> Experts:
        """Some of these, by number, as they are prepared, and new ones."""
        ...


class ParallelKernels:
    """Args: loads: tokens of each expert by layer, as observed before; see `placement`."""

    def __init__(
        self,
        inner: KernelSet,
        checkpoint: PartialCheckpoint,
        groups: Groups,
        loads: dict[str, list[float]],
        redundant: int,
    ) -> None:
        self._inner, self._checkpoint, self._groups = inner, checkpoint, groups
        self._loads, self._redundant = loads, redundant
        self.dispatched: dict[str, DispatchedExperts] = {}
        self._given: dict[str, tuple[ExpertWeights, float]] = {}  # what `experts` was called with
        layout = groups.layout
        self.choices: Sequence[str] = (
            f"{layout.size} processes: experts over {layout.expert}, heads and widths over "
            f"{layout.tensor} (inference.parallel).",
            *inner.choices,
        )

    def linear(self, weight: torch.Tensor) -> Linear:
        return self._inner.linear(weight)

    def head(self, weight: torch.Tensor) -> Linear:
        return self._inner.head(weight)

    def experts(self, weights: ExpertWeights, usual_share: float) -> Experts:
        layer = layer_of(self._checkpoint.name_of(weights.gate[-1]))
        if not layer or self._groups.expert.size == 1:
            inner = self._inner.experts(self._held(weights, range(len(weights.gate))), usual_share)
            return SharedWidthExperts(inner, self._groups.tensor)
        placement = self._placement(layer, len(weights.gate))
        held = placement.slots[self._groups.expert.index]
        inner = self._inner.experts(self._held(weights, held), usual_share)
        self.dispatched[layer] = DispatchedExperts(inner, placement, self._groups)
        self._given[layer] = weights, usual_share
        return self.dispatched[layer]

    def move(self, move: Move) -> None:
        """Place a layer's experts anew; all processes that share its experts call this."""
        experts, (weights, usual_share) = self.dispatched[move.layer], self._given[move.layer]

        def given(expert: int) -> ExpertParts:
            return self._parts(experts, weights, expert)

        rank = self._groups.expert.index
        arrived = exchange(experts.placement, move.placement, self._groups.expert, given)
        before, held = experts.placement.slots[rank], move.placement.slots[rank]
        if isinstance(experts.inner, Movable):
            slots = [arrived.get(expert) or before.index(expert) for expert in held]
            inner = experts.inner.rearranged(slots)
        else:
            parts = [arrived.get(expert) or given(expert) for expert in held]
            gate, up, down = (list(part) for part in zip(*parts, strict=True))
            moved = ExpertWeights(gate, up, down, limit=weights.limit)
            inner = self._inner.experts(moved, usual_share)
        experts.place(inner, move.placement)

    def _parts(
        self, experts: DispatchedExperts, weights: ExpertWeights, expert: int
    ) -> ExpertParts:
        """Of an expert that is here: as its kernel kept it, or from the checkpoint again."""
        if isinstance(experts.inner, Movable):
            slot = experts.placement.slots[self._groups.expert.index].index(expert)
            kept = experts.inner.given(slot)
            if kept is not None:
                return kept
        read = self._checkpoint.expert
        return read(weights.gate[expert]), read(weights.up[expert]), read(weights.down[expert])

    def attention(
        self, query: torch.Tensor, cache: tuple[torch.Tensor, torch.Tensor], batch: Batch
    ) -> torch.Tensor:
        return self._inner.attention(query, cache, batch)

    def fuse(self, model: Any) -> FusedStep | None:
        """Steps that ask for what other processes have a part of; see `Asking`."""
        step = self._inner.fuse(model)
        if isinstance(step, NativeV4Step) and step.asking and self._groups.tensor.size > 1:
            step.asking.add_up = self._groups.tensor.add_up
        self.choices = (self.choices[0], *self._inner.choices)
        return step

    def _placement(self, layer: str, count: int) -> Placement:
        ranks, observed = self._groups.expert.size, self._loads.get(layer, [])
        if len(observed) == count and any(observed):
            return balance(observed, ranks, self._redundant)
        return (
            balance([1.0] * count, ranks, self._redundant)
            if self._redundant
            else even(count, ranks)
        )

    def _held(self, weights: ExpertWeights, experts: Sequence[int]) -> ExpertWeights:
        """Those experts' weights, read now."""
        gate, up, down = (
            [self._checkpoint.expert(part[expert]) for expert in experts]
            for part in (weights.gate, weights.up, weights.down)
        )
        return ExpertWeights(gate, up, down, limit=weights.limit)
