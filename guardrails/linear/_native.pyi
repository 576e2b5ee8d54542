from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

class Hasher:
    def __init__(
        self,
        classes: bytes | NDArray[Any],
        mapped: bytes | NDArray[Any],
        symbols: bool,
        char_orders: Sequence[int],
        word_orders: Sequence[int],
        window: int,
        stride: int,
    ) -> None: ...
    def sums(
        self, text: str, weights: bytes | NDArray[Any], outputs: int, whole: bool = False
    ) -> list[tuple[int, ...]]: ...
