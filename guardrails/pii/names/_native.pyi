from typing import Any, TypeAlias

from numpy.typing import NDArray

_Array: TypeAlias = NDArray[Any]
_Affine: TypeAlias = tuple[_Array, _Array]

class Network:
    def __init__(
        self,
        table: _Array,
        scale: _Array,
        slots: tuple[int, ...],
        mix: _Affine,
        lift: _Affine,
        context: _Affine,
        out: _Affine,
        convolutions: tuple[_Affine, ...],
        dilations: tuple[int, ...],
        context_after: int,
    ) -> None: ...
    def vectors(self, rows: _Array, out: _Array) -> None: ...
    def scores(self, vectors: _Array, out: _Array) -> None: ...
