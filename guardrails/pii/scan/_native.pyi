class Reports:
    def add(
        self, number: int, start: int, end: int, flags: int = ..., context: object = ..., /
    ) -> None: ...
    def ends(self, number: int, /) -> list[int]: ...

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
