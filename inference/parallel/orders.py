"""What rank 0 tells the other processes, and how they carry it out.

A call of the model goes to all of them: each runs its part, and those exchange rows on the way.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch

from inference.parallel.groups import Groups
from inference.parallel.moving import Move
from inference.parallel.part import Part


@dataclass(frozen=True, slots=True)
class Call:
    """``method`` of the model (or of a cache, where that is said) with the cache of a number."""

    method: str
    cache: int
    arguments: tuple[Any, ...] = ()
    of_cache: bool = False
    forget: tuple[int, ...] = ()  # caches that nobody has any more


@dataclass(frozen=True, slots=True)
class AddLoads:
    """Put the counts of tokens per expert together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Say that you are there."""


@dataclass(frozen=True, slots=True)
class End:
    """There will be no more orders."""


Order = Call | AddLoads | Answer | Move


def follow(part: Part, groups: Groups) -> None:
    """Carry out orders until `End`; raises when an exchange fails."""
    follower = Follower(part, groups)
    while not isinstance(order := groups.hear(), End):
        if isinstance(order, Call):
            order = replace(order, arguments=moved(order.arguments, part.model.device))
        follower.carry_out(order)
    groups.meet()  # before anybody closes a connection


class Follower:
    """One process's model and its caches, by the numbers that rank 0 gave them."""

    def __init__(self, part: Part, groups: Groups) -> None:
        self._part, self._groups = part, groups
        self.caches: dict[int, Any] = {}

    @torch.inference_mode()
    def carry_out(self, order: Order) -> Any:
        """What it gives here.

        Args:
            order: a call's tensors are on the model's device.
        """
        match order:
            case Call():
                return self._call(order)
            case AddLoads():
                return add_loads(self._part, self._groups)
            case Move():
                return self._part.kernels.move(order)
            case Answer():
                return self._groups.meet()

    def _call(self, order: Call) -> Any:
        for number in order.forget:
            self.caches.pop(number, None)
        model, arguments = self._part.model, order.arguments
        if order.method == "make_cache":
            self.caches[order.cache] = model.make_cache(*arguments)
            return self.caches[order.cache]
        cache = self.caches[order.cache]
        if order.of_cache:
            return getattr(cache, order.method)(*arguments)
        if order.method == "draft":
            return getattr(model, "draft")(*arguments[:-1], cache, arguments[-1])  # noqa: B009
        return getattr(model, order.method)(*arguments, cache)


def add_loads(part: Part, groups: Groups) -> dict[str, list[int]]:
    """Tokens of each expert over all processes of a column, by layer; every one must call this."""
    dispatched = part.kernels.dispatched
    if not dispatched:
        return {}
    device = part.model.device
    counts = [experts.tokens.to(device) for experts in dispatched.values()]
    added = groups.expert.add_up(torch.cat(counts)).split([len(count) for count in counts])
    return {layer: found.tolist() for layer, found in zip(dispatched, added, strict=True)}


def moved(value: Any, device: torch.device) -> Any:
    """The same with every tensor on ``device``, in dataclasses, tuples and lists too."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, tuple | list):
        return type(value)(moved(item, device) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: moved(getattr(value, field.name), device) for field in fields(value)}
        return replace(value, **parts)
    return value
