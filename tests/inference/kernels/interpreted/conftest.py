"""Triton's interpreter, exact where it is not (`triton_common.interpreter`), and swifter."""

import math
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def _exact_bfloat16() -> Iterator[None]:
    from inference.kernels.triton_common.interpreter import exact_bfloat16

    with exact_bfloat16():
        yield


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
