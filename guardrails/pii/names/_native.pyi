from collections.abc import Callable, Sequence
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

class Tagger:
    def __init__(
        self,
        network: Network,
        featurise: Callable[[str], Sequence[int]],
        kinds: tuple[str, ...],
        begin: tuple[int, ...],
        inside: tuple[int, ...],
        least: tuple[float, ...],
        capacity: int,
    ) -> None: ...
    def find(self, text: str, /) -> list[tuple[int, int, str, float]]: ...

def tokens(text: str, /) -> tuple[list[str], list[int], list[int]]: ...
def feature_rows(key: str, /) -> list[int]: ...
