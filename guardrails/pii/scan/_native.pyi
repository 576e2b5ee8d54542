class Reports:
    def add(
        self, number: int, start: int, end: int, flags: int = ..., context: object = ..., /
    ) -> None: ...
    def ends(self, number: int, /) -> list[int]: ...
    def numbers(self) -> frozenset[int]: ...

class LazyDfa:
    def __init__(
        self,
        kinds: bytes,
        classes: bytes,
        class_of: bytes,
        next_first: bytes,
        next: bytes,
        ends_of: bytes,
        begins: bytes,
        initial: bytes,
        expressions: int,
        states: int,
    ) -> None: ...
    @property
    def states(self) -> int: ...

class Programs:
    def __init__(
        self,
        classes: bytes,
        steps: bytes,
        targets: bytes,
        expressions: int,
        digit: int,
        before: int,
        after: int,
        far: int,
    ) -> None: ...
    def candidates(
        self, data: bytes, reports: Reports, chosen: bytes, /
    ) -> list[tuple[int, list[int]]]: ...

def report(dfas: tuple[LazyDfa, ...], data: bytes, reports: Reports, /) -> list[int]: ...
