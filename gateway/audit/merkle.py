"""Merkle trees over record hashes, as in RFC 6962, section 2.1.

A leaf is SHA-256(0x00 || record hash), a node SHA-256(0x01 || left || right), so
that neither can pass for the other. It knows nothing of records or signatures:
hashes are 32 bytes, positions count from 0.
"""

import hashlib
from collections.abc import Callable, Sequence

TILE_LEVEL = 10
TILE = 1 << TILE_LEVEL  # leaves below one stored node

Subtree = Callable[[int, int], bytes]  # (first leaf, number of leaves) -> its root


def leaf_hash(record_hash: bytes) -> bytes:
    """The leaf of one record."""
    return hashlib.sha256(b"\0" + record_hash).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The node above two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """The roots of the perfect subtrees of a tree that grows at its right edge.

    It is all that is needed to append a leaf and to name the root: at most one
    hash for each bit of ``count``.

    Attributes:
        count: leaves so far.
        peaks: roots of the perfect subtrees, the largest first.
        tiles: (number, root) of each subtree of ``TILE`` leaves completed here.
    """

    def __init__(self, count: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != count.bit_count() or any(len(peak) != 32 for peak in peaks):
            raise ValueError(f"a tree of {count} leaves has {count.bit_count()} peaks of 32 bytes")
        self.count = count
        self.peaks = list(peaks)
        self.tiles: list[tuple[int, bytes]] = []

    def append(self, record_hash: bytes) -> None:
        """Add the next record."""
        self._push(leaf_hash(record_hash), 0)

    def append_tile(self, root: bytes) -> None:
        """Add the next ``TILE`` records at once; ``count`` must be a multiple of it."""
        if self.count % TILE:
            raise ValueError(f"after {self.count} leaves no tile begins")
        self._push(root, TILE_LEVEL)

    def _push(self, node: bytes, level: int) -> None:
        added, rest = 1 << level, self.count >> level
        while rest & 1:
            node = hashlib.sha256(b"\1" + self.peaks.pop() + node).digest()
            rest >>= 1
            level += 1
            if level == TILE_LEVEL:
                self.tiles.append((self.count >> TILE_LEVEL, node))
        self.peaks.append(node)
        self.count += added

    def root(self) -> bytes:
        """The root of the whole tree; of no leaves, the hash of nothing."""
        if not self.peaks:
            return hashlib.sha256().digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def root_of(record_hashes: Sequence[bytes]) -> bytes:
    """The root over these records."""
    frontier = Frontier()
    for record_hash in record_hashes:
        frontier.append(record_hash)
    return frontier.root()


class Tree:
    """A whole tree in memory (64 bytes a record), for many paths.

    ``levels[0]`` are the leaves; a node without a sibling moves up as it is.
    """

    def __init__(self, record_hashes: Sequence[bytes]) -> None:
        levels = [[leaf_hash(record_hash) for record_hash in record_hashes]]
        while len(below := levels[-1]) > 1:
            above = [node_hash(*below[i : i + 2]) for i in range(0, len(below) - 1, 2)]
            levels.append(above + below[len(above) * 2 :])
        self._levels = levels
        self.count = len(record_hashes)
        self.root = levels[-1][0] if record_hashes else hashlib.sha256().digest()

    def path(self, index: int) -> list[bytes]:
        """The siblings from leaf ``index`` up to the root."""
        if not 0 <= index < self.count:
            raise IndexError(f"a tree of {self.count} leaves has no leaf {index}")
        path = []
        for level in self._levels[:-1]:
            if (index ^ 1) < len(level):
                path.append(level[index ^ 1])
            index >>= 1
        return path


def inclusion_path(index: int, count: int, subtree: Subtree) -> list[bytes]:
    """The path of one leaf where only the roots of the subtrees beside it are at hand.

    ``subtree(first, size)`` is asked for about log2(count) roots; all but those at
    the right edge are perfect.
    """
    if not 0 <= index < count:
        raise IndexError(f"a tree of {count} leaves has no leaf {index}")
    first, path = 0, []
    while count > 1:
        split = 1 << (count - 1).bit_length() - 1  # the largest power of two below count
        if index - first < split:
            path.append(subtree(first + split, count - split))
            count = split
        else:
            path.append(subtree(first, split))
            first, count = first + split, count - split
    return path[::-1]


def root_from_path(
    record_hash: bytes, index: int, count: int, path: Sequence[bytes]
) -> bytes | None:
    """The root that a path leads to; None where its length does not fit (RFC 9162, 2.1.3.2).

    The record is in the tree exactly if this is the signed root.
    """
    if not 0 <= index < count:
        return None
    node, last = leaf_hash(record_hash), count - 1
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None
