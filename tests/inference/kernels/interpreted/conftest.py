"""Triton's interpreter, put right where it computes bfloat16 otherwise than every chip.

Triton 3.8.0 multiplies matrices of bfloat16 and FP8 as the integers that their bits are, and cuts
float32 to bfloat16 instead of rounding it to the nearest.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch


def _widened(handle: Any, tl: Any) -> Any:
    if handle.dtype.scalar == tl.float8e4nv:
        codes = torch.from_numpy(np.ascontiguousarray(handle.data)).view(torch.float8_e4m3fn)
        return codes.float().numpy()
    if handle.dtype.scalar != tl.bfloat16:
        return handle.data
    return (handle.data.astype(np.uint32) << 16).view(np.float32)


def _rounded(wide: Any) -> Any:
    """Bits of bfloat16, ties to even; a NaN stays one."""
    bits = np.ascontiguousarray(wide, dtype=np.float32).view(np.uint32)
    near = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(wide), (bits >> 16) | 0x40, near).astype(np.uint16)


@pytest.fixture(scope="session", autouse=True)
def _exact_bfloat16() -> Iterator[None]:
    import triton.language as tl
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    cast = InterpreterBuilder.cast_impl
    patch = pytest.MonkeyPatch()

    def rounding_cast(self: Any, source: Any, target: Any) -> Any:
        if source.dtype.scalar == tl.float32 and target.scalar == tl.bfloat16:
            return TensorHandle(_rounded(source.data), tl.bfloat16)
        return cast(self, source, target)

    def dot(self: Any, a: Any, b: Any, d: Any, precision: Any, imprecise: Any) -> Any:
        product = np.matmul(_widened(a, tl), _widened(b, tl), dtype=d.data.dtype)
        return TensorHandle(product + d.data, d.dtype.scalar)

    patch.setattr(InterpreterBuilder, "cast_impl", rounding_cast)
    patch.setattr(InterpreterBuilder, "create_dot", dot)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def _swift_sort() -> Iterator[None]:
    from inference.kernels.cuda.traffic import swift_sort

    with swift_sort():
        yield


@pytest.fixture(scope="session", autouse=True)
def _patched_once() -> Iterator[None]:
    """The interpreter puts its own functions into Triton's modules at each call of each function,
    inner ones too, and takes them out after it: half of its time. Once is enough."""
    from triton.runtime import interpreter

    original = interpreter._patch_lang
    scopes: dict[int, Any] = {}

    class Lasting:
        def restore(self) -> None: ...

    def patch_once(function: Any) -> Lasting:
        modules = id(function.__globals__)
        if modules not in scopes:
            scopes[modules] = original(function)
        return Lasting()

    patch = pytest.MonkeyPatch()
    patch.setattr(interpreter, "_patch_lang", patch_once)
    yield
    patch.undo()
    for scope in reversed(scopes.values()):
        scope.restore()


@pytest.fixture(scope="session", autouse=True)
def _types_once() -> Iterator[None]:
    """The interpreter describes shapes and types anew for each value: a third of what is left."""
    from triton.language import core
    from triton.runtime import interpreter

    describe, make = interpreter._get_np_dtype, core.block_type.__init__
    numpy_types: dict[str, Any] = {}
    blocks: dict[Any, dict[str, Any]] = {}
    shapes: dict[Any, tuple[Any, Any]] = {}

    def numpy_type(kind: Any) -> Any:
        name = kind.scalar.name
        if name not in numpy_types:
            numpy_types[name] = describe(kind)
        return numpy_types[name]

    def block(self: Any, element_ty: Any, shape: Any) -> None:
        sizes = tuple(getattr(size, "value", size) for size in shape)
        key = (element_ty.name, sizes)
        if key not in blocks:
            make(self, element_ty, shape)
            blocks[key] = dict(vars(self))
        vars(self).update(blocks[key])

    def tensor(self: Any, handle: Any, type: Any) -> None:
        self.handle, self.type, self.dtype = handle, type, type.scalar
        sizes = type.shape if type.is_block() else ()
        if sizes not in shapes:
            shape = core.tuple([core.constexpr(size) for size in sizes])
            shapes[sizes] = core.constexpr(math.prod(sizes)), shape
        self.numel, self.shape = shapes[sizes]

    patch = pytest.MonkeyPatch()
    patch.setattr(interpreter, "_get_np_dtype", numpy_type)
    patch.setattr(core.block_type, "__init__", block)
    patch.setattr(core.tensor, "__init__", tensor)
    yield
    patch.undo()
