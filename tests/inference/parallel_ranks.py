"""Processes for tests of parallel models: forked from one that has torch, they follow plans."""

import multiprocessing
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch.distributed import (
    PrefixStore,  # pyright: ignore[reportPrivateImportUsage]
    TCPStore,  # pyright: ignore[reportPrivateImportUsage]
)

from inference.parallel.groups import EVER, Groups, join_world, leave_world, make_groups
from inference.parallel.leading import LeadingModel
from inference.parallel.orders import follow
from inference.parallel.part import build_part
from inference.parallel.plan import Plan


@dataclass(frozen=True)
class Ranks:
    """Rank 0's ``models`` of the plans in their order, each closed before the next one."""

    models: Iterator[LeadingModel]
    pids: list[int]  # of ranks 1 and up


def follow_all(rank: int, port: int, plans: list[Plan]) -> None:
    """A process beside rank 0."""
    store = TCPStore("127.0.0.1", port, is_master=False)
    for at, plan in enumerate(plans):
        if rank < plan.layout.size:
            groups = _join(rank, plan, PrefixStore(str(at), store))
            part = build_part(plan, groups)
            groups.meet(EVER)
            follow(part, groups)
            leave_world()


def _join(rank: int, plan: Plan, store: Any) -> Groups:
    join_world(rank, plan.layout.size, "cpu", store, plan.timeout)
    return make_groups(plan.layout, rank, "cpu", plan.timeout)


@contextmanager
def leading(plans: list[Plan]) -> Iterator[Ranks]:
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    # One process loads torch, from which the others are forked.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["inference.parallel.process"])
    others = [
        context.Process(target=follow_all, args=(rank, store.port, plans), daemon=True)
        for rank in range(1, max(plan.layout.size for plan in plans))
    ]
    for process in others:
        process.start()
    models = _models(plans, store)
    try:
        yield Ranks(models, [process.pid or 0 for process in others])
    finally:
        models.close()  # a test that fails leaves no world behind for the next one
        for process in others:
            process.join(2)
            process.kill()


def _models(plans: list[Plan], store: Any) -> Generator[LeadingModel, None, None]:
    for at, plan in enumerate(plans):
        groups = _join(0, plan, PrefixStore(str(at), store))
        try:
            part = build_part(plan, groups)
            groups.meet(EVER)
            model = LeadingModel(plan, part, groups, None)
            yield model
            model.close()
        finally:
            leave_world()
