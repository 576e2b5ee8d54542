"""What a kernel really loads and stores, seen under Triton's interpreter: bytes, and conflicts.

Needs ``TRITON_INTERPRET=1`` before Triton is imported. A load counts each address that its mask
lets through once, as a warp coalesces them; the same address in another load counts again
(``moved``), unless only distinct ones are asked for (``distinct``: what a cache that never
evicts would fetch).

The interpreter runs programs one after the other and a program's threads as one; on a chip both run
at once. So it is a conflict if two programs of a launch store the same address, or if any loads
what any stores: even a program's own threads read what others of them wrote, or overwrite what
others have yet to read, where nothing but the order of two lines keeps them apart.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_Array = np.ndarray[Any, Any]
_BARRIERS = ("pre_kernel",)  # of these, a barrier stands between a program's stores and loads


@dataclass(slots=True)
class _Launch:
    """Addresses of one launch, by program."""

    function: str
    read: dict[tuple[int, ...], list[_Array]] = field(default_factory=dict)
    written: dict[tuple[int, ...], list[_Array]] = field(default_factory=dict)

    def conflicts(self) -> Iterator[str]:
        stores = {program: _joined(parts) for program, parts in self.written.items()}
        every = np.concatenate([*stores.values(), np.empty(0, np.uint64)])
        if len(np.unique(every)) != len(every):
            yield f"{self.function}: two programs store the same address"
        loads = {program: _joined(parts) for program, parts in self.read.items()}
        if self.function in _BARRIERS:
            own = {at: np.intersect1d(loads[at], stores[at]) for at in loads if at in stores}
            loads = {at: np.setdiff1d(loads[at], own.get(at, every[:0])) for at in loads}
        if len(np.intersect1d(_joined([*loads.values(), every[:0]]), every)):
            yield f"{self.function}: a program loads what is stored meanwhile"


@dataclass(slots=True)
class Traffic:
    """Counts of one or more launches."""

    loaded: int = 0
    stored: int = 0
    launches: list[_Launch] = field(default_factory=list)
    _read: list[tuple[int, _Array]] = field(default_factory=list)
    _written: list[tuple[int, _Array]] = field(default_factory=list)

    @property
    def moved(self) -> int:
        return self.loaded + self.stored

    @property
    def distinct(self) -> int:
        """Bytes read, each once, and bytes written, each once."""
        return _once(self._read) + _once(self._written)

    @property
    def conflicts(self) -> list[str]:
        """A sentence for each launch and kind of conflict; none is as it should be."""
        return [sentence for launch in self.launches for sentence in launch.conflicts()]

    def load(self, addresses: _Array, mask: _Array, size: int, program: tuple[int, ...]) -> None:
        starts = _starts(addresses, mask)
        self.loaded += len(starts) * size
        self._read.append((size, starts))
        self.launches[-1].read.setdefault(program, []).append(starts)

    def store(self, addresses: _Array, mask: _Array, size: int, program: tuple[int, ...]) -> None:
        starts = _starts(addresses, mask)
        self.stored += len(starts) * size
        self._written.append((size, starts))
        self.launches[-1].written.setdefault(program, []).append(starts)


def _starts(addresses: _Array, mask: _Array) -> _Array:
    """Distinct addresses that the mask lets through."""
    return np.unique(addresses[np.broadcast_to(mask, addresses.shape).astype(bool)])


def _once(parts: list[tuple[int, _Array]]) -> int:
    """Bytes of all distinct addresses."""
    sizes = {size for size, _ in parts}
    return sum(size * len(_joined([at for of, at in parts if of == size])) for size in sizes)


def _joined(parts: list[_Array]) -> _Array:
    return np.unique(np.concatenate(parts))


@contextmanager
def counted() -> Iterator[Traffic]:
    """Counts what kernels launched within it move."""
    from triton.runtime.interpreter import GridExecutor, InterpreterBuilder

    traffic = Traffic()
    launch = GridExecutor.__call__
    names = ("create_masked_load", "create_masked_store", "create_atomic_rmw")
    before = {name: getattr(InterpreterBuilder, name) for name in names}

    def load(self: Any, ptrs: Any, mask: Any, *rest: Any, **options: Any) -> Any:
        traffic.load(ptrs.data, mask.data, _size(ptrs), self.grid_idx)
        return before["create_masked_load"](self, ptrs, mask, *rest, **options)

    def store(self: Any, ptrs: Any, value: Any, mask: Any, *rest: Any, **options: Any) -> Any:
        traffic.store(ptrs.data, mask.data, _size(ptrs), self.grid_idx)
        return before["create_masked_store"](self, ptrs, value, mask, *rest, **options)

    def atomic(self: Any, kind: Any, ptr: Any, val: Any, mask: Any, *rest: Any) -> Any:
        traffic.load(ptr.data, mask.data, _size(ptr), self.grid_idx)
        traffic.store(ptr.data, mask.data, _size(ptr), self.grid_idx)
        return before["create_atomic_rmw"](self, kind, ptr, val, mask, *rest)

    def launching(self: Any, *arguments: Any, **named: Any) -> None:
        traffic.launches.append(_Launch(self.fn.__name__))
        launch(self, *arguments, **named)

    patched: dict[str, Callable[..., Any]] = dict(zip(names, (load, store, atomic), strict=True))
    for name, function in patched.items():
        setattr(InterpreterBuilder, name, function)
    GridExecutor.__call__ = launching
    try:
        yield traffic
    finally:
        GridExecutor.__call__ = launch
        for name, function in before.items():
            setattr(InterpreterBuilder, name, function)


@contextmanager
def swift_sort() -> Iterator[None]:
    """`tl.sort` adds up with xor, which the interpreter does number by number in Python."""
    from triton.language import standard
    from triton.runtime.interpreter import ReduceOps

    generic = ReduceOps.generic_reduce

    def reduce(self: Any, input: Any) -> Any:
        if self.combine_fn is not standard._xor_combine or len(input) != 1:
            return generic(self, input)
        whole = input[0].handle.data
        data = np.bitwise_xor.reduce(whole, axis=self.axis, keepdims=self.keep_dims)
        return [self.to_tensor(data, input[0].dtype)]

    ReduceOps.generic_reduce = reduce
    try:
        yield
    finally:
        ReduceOps.generic_reduce = generic


def _size(pointers: Any) -> int:
    return pointers.get_element_ty().primitive_bitwidth // 8
