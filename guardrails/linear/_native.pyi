from collections.abc import Sequence

from typing_extensions import Buffer

class Hasher:
    def __init__(
        self,
        classes: Buffer,
        mapped: Buffer,
        symbols: bool,
        char_orders: Sequence[int],
        word_orders: Sequence[int],
        window: int,
        stride: int,
    ) -> None: ...
    def sums(
        self, text: str, weights: Buffer, outputs: int, whole: bool = False
    ) -> list[tuple[int, ...]]: ...
