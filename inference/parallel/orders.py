"""What rank 0 tells the other processes, and how they carry it out.

A call of the model goes to all of them: each runs its part, and those exchange rows on the way.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch

from inference.parallel.groups import Groups
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
class End:
    """There will be no more orders."""


def follow(part: Part, groups: Groups) -> None:
    """Carry out orders until `End`; raises when an exchange fails."""
    follower = Follower(part, groups)
    while not isinstance(order := groups.hear(), End):
        follower.carry_out(order)
    groups.meet()  # before anybody closes a connection


class Follower:
    """One process's model and its caches, by the numbers that rank 0 gave them."""

    def __init__(self, part: Part, groups: Groups) -> None:
        self._part, self._groups = part, groups
        self.caches: dict[int, Any] = {}

    @torch.inference_mode()
    def carry_out(self, order: Call | AddLoads) -> Any:
        """What the call gives here."""
        if isinstance(order, AddLoads):
            return add_loads(self._part, self._groups)
        for number in order.forget:
            self.caches.pop(number, None)
        model = self._part.model
        arguments = moved(order.arguments, model.device)
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
    found = {}
    for layer, experts in part.kernels.dispatched.items():
        tokens = experts.tokens.to(part.model.device)
        found[layer] = groups.expert.add_up(tokens.clone()).tolist()
    return found


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
