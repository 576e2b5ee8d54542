"""Automata are read again, and only where nobody else could have written them."""

import os
from pathlib import Path
from typing import Any

import pytest

from guardrails.pii.scan import store

GROUP = ((3, "abc[0-9]{2}"), (4, "x+y"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOVGATE_CACHE_DIR", str(tmp_path))
    return tmp_path / "sovgate" / "automata"


def found(automaton: Any, data: bytes) -> list[tuple[int, int]]:
    hits: list[tuple[int, int]] = []
    automaton.scan(
        data,
        match_event_handler=lambda number, start, end, flags, context: hits.append((number, end)),
        scratch=automaton.scratch.clone(),
    )
    return hits


def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts compilations from now on."""
    counts: list[int] = []
    real = store._compile

    def counting(group: Any, flags: int) -> Any:
        counts.append(len(group))
        return real(group, flags)

    monkeypatch.setattr(store, "_compile", counting)
    return counts


def test_read_again_and_it_finds_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"abc12 xxy"
    first = found(store.load_or_compile(GROUP, 0), data)
    assert first == [(3, 5), (4, 9)]
    counts = compiled(monkeypatch)
    assert found(store.load_or_compile(GROUP, 0), data) == first
    assert counts == []
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_other_expressions_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    store.load_or_compile(GROUP, 0)
    counts = compiled(monkeypatch)
    store.load_or_compile(((3, "abd[0-9]{2}"),), 0)
    assert counts == [1]


@pytest.mark.parametrize("damage", ["cut", "others", "gone"])
def test_what_cannot_be_trusted_is_compiled_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    store.load_or_compile(GROUP, 0)
    (file,) = folder.iterdir()
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:40])
    elif damage == "others":
        file.chmod(0o666)
    else:
        file.unlink()
    counts = compiled(monkeypatch)
    assert found(store.load_or_compile(GROUP, 0), b"abc12") == [(3, 5)]
    assert counts == [2]


def test_without_a_place_to_write_it_works_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("SOVGATE_CACHE_DIR", str(file))
    assert found(store.load_or_compile(GROUP, 0), b"abc12") == [(3, 5)]
    assert os.listdir(tmp_path) == ["file"]
