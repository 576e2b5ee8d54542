"""Bytes that a kernel really loads and stores, counted under Triton's interpreter.

Needs ``TRITON_INTERPRET=1`` before Triton is imported. A load counts each address that its mask
lets through once, as a warp coalesces them; the same address in another load counts again
(``moved``), unless only distinct ones are asked for (``distinct``: what a cache that never
evicts would fetch).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_Array = np.ndarray[Any, Any]


@dataclass(slots=True)
class Traffic:
    """Counts of one or more launches."""

    loaded: int = 0
    stored: int = 0
    _read: list[_Array] = field(default_factory=list)
    _written: list[_Array] = field(default_factory=list)

    @property
    def moved(self) -> int:
        return self.loaded + self.stored

    @property
    def distinct(self) -> int:
        """Bytes read, each once, and bytes written, each once."""
        return _spanned(self._read) + _spanned(self._written)

    def load(self, addresses: _Array, mask: _Array, size: int) -> None:
        spans = _spans(addresses, mask, size)
        self.loaded += len(spans) * size
        self._read.append(spans)

    def store(self, addresses: _Array, mask: _Array, size: int) -> None:
        spans = _spans(addresses, mask, size)
        self.stored += len(spans) * size
        self._written.append(spans)


def _spans(addresses: _Array, mask: _Array, size: int) -> _Array:
    """[n, 2] distinct (address, size)."""
    starts = np.unique(addresses[np.broadcast_to(mask, addresses.shape).astype(bool)])
    return np.stack([starts.astype(np.uint64), np.full_like(starts, size, np.uint64)], axis=1)


def _spanned(spans: list[_Array]) -> int:
    if not spans:
        return 0
    return int(np.unique(np.concatenate(spans), axis=0)[:, 1].sum())


@contextmanager
def counted() -> Iterator[Traffic]:
    """Counts what kernels launched within it move."""
    from triton.runtime.interpreter import InterpreterBuilder

    traffic = Traffic()
    names = ("create_masked_load", "create_masked_store", "create_atomic_rmw")
    before = {name: getattr(InterpreterBuilder, name) for name in names}

    def load(self: Any, ptrs: Any, mask: Any, *rest: Any, **options: Any) -> Any:
        traffic.load(ptrs.data, mask.data, _size(ptrs))
        return before["create_masked_load"](self, ptrs, mask, *rest, **options)

    def store(self: Any, ptrs: Any, value: Any, mask: Any, *rest: Any, **options: Any) -> Any:
        traffic.store(ptrs.data, mask.data, _size(ptrs))
        return before["create_masked_store"](self, ptrs, value, mask, *rest, **options)

    def atomic(self: Any, kind: Any, ptr: Any, val: Any, mask: Any, *rest: Any) -> Any:
        traffic.load(ptr.data, mask.data, _size(ptr))
        traffic.store(ptr.data, mask.data, _size(ptr))
        return before["create_atomic_rmw"](self, kind, ptr, val, mask, *rest)

    patched: dict[str, Callable[..., Any]] = dict(zip(names, (load, store, atomic), strict=True))
    for name, function in patched.items():
        setattr(InterpreterBuilder, name, function)
    try:
        yield traffic
    finally:
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
