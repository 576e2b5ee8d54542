"""Merkle trees against the recursive definition of RFC 6962, section 2.1."""

import hashlib
import random

import pytest

from gateway.audit.merkle import (
    TILE,
    Frontier,
    Tree,
    inclusion_path,
    root_from_path,
    root_of,
)

HASHES = [hashlib.sha256(str(number).encode()).digest() for number in range(70)]


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def naive_root(hashes: list[bytes]) -> bytes:
    if not hashes:
        return sha(b"")
    if len(hashes) == 1:
        return sha(b"\0" + hashes[0])
    k = split(len(hashes))
    return sha(b"\1" + naive_root(hashes[:k]) + naive_root(hashes[k:]))


def naive_path(index: int, hashes: list[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return [*naive_path(index, hashes[:k]), naive_root(hashes[k:])]
    return [*naive_path(index - k, hashes[k:]), naive_root(hashes[:k])]


def test_the_examples_of_certificate_transparency() -> None:
    """Roots of the log of RFC 6962's reference tests (their leaves are raw data, not hashes)."""
    leaves = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43"]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    ]
    assert [root_of(leaves[: n + 1]).hex() for n in range(6)] == roots


@pytest.mark.parametrize("count", range(70))
def test_roots_and_paths_of_every_leaf(count: int) -> None:
    hashes = HASHES[:count]
    root, tree = naive_root(hashes), Tree(hashes)
    assert root_of(hashes) == tree.root == root
    for index in range(count):
        path = naive_path(index, hashes)
        assert tree.path(index) == path
        walked = inclusion_path(index, count, lambda at, size: naive_root(HASHES[at : at + size]))
        assert walked == path
        assert root_from_path(hashes[index], index, count, path) == root


def test_a_frontier_goes_on_from_its_peaks() -> None:
    for count in range(70):
        frontier = Frontier()
        for record_hash in HASHES[:count]:
            frontier.append(record_hash)
        again = Frontier(frontier.count, frontier.peaks)
        for record_hash in HASHES[count:]:
            again.append(record_hash)
        assert again.root() == naive_root(HASHES)


@pytest.mark.parametrize(("count", "peaks"), [(1, []), (3, [bytes(32)]), (2, [bytes(31)])])
def test_peaks_must_fit_the_count(count: int, peaks: list[bytes]) -> None:
    with pytest.raises(ValueError, match="peaks"):
        Frontier(count, peaks)


def test_no_other_leaf_place_size_or_path_leads_to_the_root() -> None:
    source = random.Random(7)
    for _ in range(2000):
        count = source.randint(1, 70)
        index = source.randrange(count)
        hashes = HASHES[:count]
        tree = Tree(hashes)
        path = tree.path(index)
        wrong = [
            (HASHES[index - 1], index, count, path),
            (hashes[index], index, count, [*path, bytes(32)]),
            (hashes[index], index ^ 1, count, path),
            (hashes[index], count, count, path),
            (hashes[index], -1, count, path),
        ]
        if path:
            at = source.randrange(len(path))
            flipped = bytes([path[at][0] ^ 1]) + path[at][1:]
            wrong.append((hashes[index], index, count, [*path[:at], flipped, *path[at + 1 :]]))
            wrong.append((hashes[index], index, count, path[:at] + path[at + 1 :]))
        for case in wrong:
            assert root_from_path(*case) != tree.root, case


def test_a_node_cannot_pass_for_a_record() -> None:
    """The second preimage that a tree without prefixes would have."""
    root = naive_root(HASHES[:2])
    pair = sha(b"\0" + HASHES[0]) + sha(b"\0" + HASHES[1])
    assert root_from_path(pair, 0, 1, []) != root


def test_tiles_are_the_roots_of_their_leaves() -> None:
    count = 2 * TILE + 3
    hashes = [number.to_bytes(32, "big") for number in range(count)]
    frontier = Frontier()
    for record_hash in hashes:
        frontier.append(record_hash)
    tiles = [(number, naive_root(hashes[number * TILE :][:TILE])) for number in range(2)]
    assert frontier.tiles == tiles
    again = Frontier()
    for _, root in tiles:
        again.append_tile(root)
    for record_hash in hashes[2 * TILE :]:
        again.append(record_hash)
    assert (again.count, again.root()) == (count, frontier.root())
    with pytest.raises(ValueError, match="no tile begins"):
        again.append_tile(tiles[0][1])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_of_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        Tree(HASHES[:3]).path(index)
    with pytest.raises(IndexError):
        inclusion_path(index, 3, lambda at, size: bytes(32))
