from collections.abc import Callable
from typing import Any, TypeAlias

_Layer: TypeAlias = tuple[
    int,
    int,
    int,
    int,
    Weight,
    Weight,
    Weight,
    Weight,
    Weight,
    int,
    int,
    int,
    int,
    bool,
    int,
    int,
    float,
]

def backends() -> list[str]: ...

class Pool:
    def __init__(self, threads: int, /) -> None: ...

class Weight:
    def __init__(self, backend: str, kind: int, address: int, out: int, inputs: int, /) -> None: ...
    @property
    def nbytes(self) -> int: ...
    def multiply(
        self, pool: Pool, source: int, target: int, rows: int, bfloat16: bool, /
    ) -> None: ...

class Decoder:
    def __init__(
        self,
        backend: str,
        pool: Pool,
        hidden: int,
        heads: int,
        kv_heads: int,
        head_dim: int,
        vocab: int,
        eps: float,
        frequencies: int,
        embedding: int,
        embedding_bfloat16: bool,
        cache_bfloat16: bool,
        norm: int,
        head: Weight,
        layers: tuple[_Layer, ...],
        /,
    ) -> None: ...
    def step(
        self,
        rows: int,
        tokens: int,
        positions: int,
        slots: int,
        budgets: int,
        budget: int,
        sample_rows: int,
        sampled: int,
        decode_blocks: int,
        num_decode: int,
        most_blocks: int,
        chunks: list[tuple[int, int, int]],
        block_size: int,
        cache: int,
        logits: int,
        states: int,
        /,
    ) -> None: ...

class DeepseekV4:
    def __init__(self, backend: str, pool: Pool, model: tuple[Any, ...], /) -> None: ...
    def step(
        self,
        rows: int,
        tokens: int,
        positions: int,
        num_decode: int,
        decode_states: int,
        decode_blocks: int,
        most_blocks: int,
        chunks: list[tuple[int, int, int, int, int]],
        budgets: int,
        budget: int,
        shares: int,
        active: int,
        sample_rows: int,
        sampled: int,
        block_size: int,
        memory: int,
        raw_stride: int,
        state_stride: int,
        logits: int,
        states: int,
        streams: int,
        given: int,
        ask: Callable[[int, int], object] = ...,
        asked: int = ...,
        passed: int = ...,
        gates: int = ...,
        /,
    ) -> None: ...
