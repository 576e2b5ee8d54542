"""What a lowered kernel takes of a core's memories, read from its linalg MLIR.

An estimate, since CANN's compiler (bishengir), which places the tiles, is not here: the tiles that
are needed at the same time, their last axis padded, a result in its operand's place where that is
read no more. What is copied from global memory for `linalg.matmul` alone goes to the cube's L1.
Sizes: Huawei's Ascend C documentation of Atlas A2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

UNIFIED = 192 * 1024  # bytes of a vector core
L1 = 512 * 1024  # bytes of a cube core
L0C = 128 * 1024  # bytes of a cube core, for products
ALIGNED = 32  # bytes that a tile's last axis is padded to
CUBE_ALIGNED = 512  # bytes that triton-ascend wants it to be a multiple of beside `tl.dot`

_TYPE = re.compile(r"(?:tensor|memref)<((?:\d+x)+)(bf16|index|[fi]\d+)\b")
_DEFINED = re.compile(r"^\s*(%\w+)(?::(\d+))? = ([\w.]+)")
_OPERATION = re.compile(r"^\s*(?:%[\w:]+ = )?([a-z]\w*\.\w+)")
_NAME = re.compile(r"%\w+(?:#\d+)?")
_CARRIED = re.compile(r"(%\w+) = %\w+(?:#\d+)?[,)]")
_LOOPS = ("scf.for", "scf.while")
# The result is the (first) operand's memory.
_VIEWS = (
    "bufferization.to_tensor",
    "memref.cast",
    "memref.subview",
    "tensor.collapse_shape",
    "tensor.expand_shape",
    "tensor.extract_slice",
    "tensor.reshape",
)
# Written by what uses it, or a number that vector instructions take as it is.
_HOLLOW = (
    "bufferization.alloc_tensor",
    "linalg.fill",
    "memref.load",
    "memref.reinterpret_cast",
    "tensor.empty",
    "tensor.extract",
)
_IN_PLACE = ("arith.", "math.", "tensor.insert")
_WIDENS = ("arith.ext", "arith.sitofp", "arith.uitofp")
_NO_READ = ("annotation.mark", "linalg.fill", "memref.copy", "memref.subview", "scf.if")


@dataclass(slots=True, eq=False)
class _Tile:
    """Bytes, from position ``first`` to ``last`` (two a line: operands, then results)."""

    size: int
    first: int
    last: int
    maker: str
    readers: set[str] = field(default_factory=set)
    within: "_Tile | None" = None  # the tile whose place it has

    @property
    def for_cube(self) -> bool:
        return self.maker == "memref.alloc" and self.readers == {"linalg.matmul"}

    def place(self) -> "_Tile":
        return self if self.within is None else self.within.place()


@dataclass(slots=True)
class _Region:
    line: int
    operation: str
    results: list[_Tile | None]
    carried: list[_Tile | None]
    names: dict[str, "_Tile | None"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Buffers:
    """Bytes at the most; and tiles from global memory by their last axis.

    ``widest``: of the unified buffer, were each last axis padded to `CUBE_ALIGNED`. ``padded``:
    tiles that are no multiple of `ALIGNED`; ``narrow``: of `CUBE_ALIGNED`.
    """

    unified: int = 0
    widest: int = 0
    l1: int = 0
    l0c: int = 0
    padded: int = 0
    narrow: int = 0


def buffers(linalg: str) -> Buffers:
    """Estimates for one function."""
    lines = linalg.splitlines()
    tiles = _Scan(lines, ALIGNED).run()
    products = [t.size for t in tiles if "linalg.matmul" in t.maker]
    tails = [_tail(line) for line in lines if "= memref.alloc()" in line]
    return Buffers(
        _peak([t for t in tiles if not t.for_cube]),
        _peak([t for t in _Scan(lines, CUBE_ALIGNED).run() if not t.for_cube]),
        _peak([t for t in tiles if t.for_cube]),
        max(products, default=0),
        sum(tail % ALIGNED > 0 for tail in tails),
        sum(tail % CUBE_ALIGNED > 0 for tail in tails),
    )


class _Scan:
    """Reads the lines once, in order, and keeps the names of every open region."""

    def __init__(self, lines: list[str], aligned: int) -> None:
        self._lines, self._aligned = lines, aligned
        self._ends = _ends(lines)
        self._open: list[_Region] = [_Region(-1, "", [], [])]
        self._tiles: list[_Tile] = []

    def run(self) -> list[_Tile]:
        for at, line in enumerate(self._lines):
            bare = line.strip()
            if bare.startswith("}"):
                self._close(at, bare)
            if bare.endswith("{") and not bare.startswith("} else"):
                self._enter(at, line)
            elif bare.startswith("} else"):
                self._open.append(self._reopened)
            elif not bare.startswith("}"):
                self._operation(at, line)
        return [tile for tile in self._tiles if tile.within is None]

    def _enter(self, at: int, line: str) -> None:
        match = _OPERATION.match(line)
        operation = match.group(1) if match else ""
        outer = self._open[-1].names
        inputs, _, results = line.partition("->")
        tiles = [self._new(at, size, operation) for size in _sizes(results, self._aligned)]
        carried: list[_Tile | None] = []
        names: dict[str, _Tile | None] = {}
        if operation in _LOOPS:
            # What is carried from turn to turn is one tile, and the result.
            carried = list(tiles)
            names = dict(
                zip(_CARRIED.findall(inputs.partition("iter_args")[2]), tiles, strict=False)
            )
        self._read(at, inputs.partition(" = ")[2] or inputs, operation)
        if defined := _DEFINED.match(line):
            name, count, _ = defined.groups()
            for index, tile in enumerate(tiles):
                outer[f"{name}#{index}" if count else name] = tile
        self._open.append(_Region(at, operation, list(tiles), carried, names))

    def _close(self, at: int, bare: str) -> None:
        region = self._open.pop()
        self._reopened = _Region(region.line, region.operation, region.results, region.carried)
        started = self._lines[region.line] if region.line >= 0 else ""
        defined = _DEFINED.match(started)
        if (
            region.operation == "linalg.generic"
            and defined
            and (sizes := _sizes(bare, self._aligned))
        ):
            self._open[-1].names[defined.group(1)] = self._new(
                region.line, sizes[-1], "linalg.generic"
            )

    def _operation(self, at: int, line: str) -> None:
        match = _OPERATION.match(line)
        if not match:
            return
        operation, defined = match.group(1), _DEFINED.match(line)
        operands = self._read(at, line.partition(" = ")[2] if defined else line, operation)
        if operation == "scf.yield":
            for mine, result in zip(operands, self._open[-1].results, strict=False):
                self._merge(mine, result)
        if not defined:
            return
        tile: _Tile | None = None
        if operation in _VIEWS:
            tile = next((t for t in operands if t), None)
        elif operation not in _HOLLOW and (sizes := _sizes(line, self._aligned, operation)):
            tile = self._new(at, sizes[-1], operation)
        self._open[-1].names[defined.group(1)] = tile

    def _new(self, at: int, size: int, operation: str) -> _Tile:
        in_place = operation.startswith(_IN_PLACE) and not operation.startswith(_WIDENS)
        first = 2 * at + in_place
        tile = _Tile(size, first, first, operation)
        self._tiles.append(tile)
        return tile

    def _read(self, at: int, text: str, operation: str) -> list[_Tile | None]:
        found = [self._find(name) for name in _NAME.findall(text)]
        for given in found:
            if given is None:
                continue
            tile = given.place()
            outside = [
                self._ends[region.line]
                for region in self._open
                if region.operation in _LOOPS and 2 * region.line > tile.first
            ]
            tile.last = max(tile.last, 2 * max([at, *outside]))
            if operation not in _VIEWS and operation not in _NO_READ:
                tile.readers.add(operation)
        return found

    def _find(self, name: str) -> _Tile | None:
        for region in reversed(self._open):
            if name in region.names:
                return region.names[name]
        return None

    def _merge(self, mine: _Tile | None, result: _Tile | None) -> None:
        """A region's value becomes its result in the same place."""
        if mine is None or result is None or mine.place() is result.place():
            return
        keeps, goes = sorted((mine.place(), result.place()), key=lambda tile: tile.first)
        keeps.size, keeps.last = max(keeps.size, goes.size), max(keeps.last, goes.last)
        keeps.readers |= goes.readers
        keeps.maker += " " + goes.maker
        goes.within = keeps


def _ends(lines: list[str]) -> dict[int, int]:
    """Where the region that a line opens is closed."""
    ends: dict[int, int] = {}
    stack: list[int] = []
    for at, line in enumerate(lines):
        if line.strip().startswith("}"):
            ends[stack[-1]] = at
            if not line.strip().endswith("{"):
                stack.pop()
        elif line.strip().endswith("{"):
            stack.append(at)
    return ends


def _sizes(text: str, aligned: int, operation: str = "") -> list[int]:
    """Bytes of every tile type named, padded; comparisons give one bit a number."""
    narrow = operation.startswith("arith.cmp")
    return [_size(shape, "i1" if narrow else kind, aligned) for shape, kind in _TYPE.findall(text)]


def _size(shape: str, kind: str, aligned: int) -> int:
    *outer, last = (int(part) for part in shape.split("x") if part)
    return prod(outer) * -(-last * _bits(kind) // (8 * aligned)) * aligned


def _bits(kind: str) -> int:
    return 64 if kind == "index" else int(kind.lstrip("bfi"))


def _tail(line: str) -> int:
    """Bytes of the last axis of the type that a line ends with."""
    found = _TYPE.findall(line)
    if not found:
        return 0
    shape, kind = found[-1]
    return int(shape.rstrip("x").split("x")[-1]) * _bits(kind) // 8


def _peak(tiles: list[_Tile]) -> int:
    return max((sum(_alive(tiles, tile.first)) for tile in tiles), default=0)


def _alive(tiles: list[_Tile], position: int) -> Iterator[int]:
    return (tile.size for tile in tiles if tile.first <= position <= tile.last)
