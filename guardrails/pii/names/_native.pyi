from typing import TypeAlias

from typing_extensions import Buffer

_Affine: TypeAlias = tuple[Buffer, Buffer]

class Network:
    def __init__(
        self,
        table: Buffer,
        scale: Buffer,
        slots: tuple[int, ...],
        mix: _Affine,
        lift: _Affine,
        context: _Affine,
        out: _Affine,
        convolutions: tuple[_Affine, ...],
        dilations: tuple[int, ...],
        context_after: int,
    ) -> None: ...
    def vectors(self, rows: Buffer, out: Buffer) -> None: ...
    def scores(self, vectors: Buffer, out: Buffer) -> None: ...
