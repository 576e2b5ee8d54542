"""Configurations are found by rows and chip, and the tuner climbs to the fastest."""

import json
from pathlib import Path
from typing import Any

import pytest

from inference.kernels.cuda import tuning
from inference.kernels.cuda.compile import ARCHITECTURES
from inference.kernels.cuda.tune import climb, tunable, write

FILES = sorted(tuning.DIRECTORY.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_has_every_architecture(path: Path) -> None:
    whole = json.loads(path.read_text())
    assert "no card was there" in whole.pop("origin")["*"]
    tables = [whole] if "sm_80" in whole else list(whole.values())
    assert tables
    for table in tables:
        assert set(ARCHITECTURES) <= set(table)
        assert all("*" in entries for entries in table.values())


def test_the_tuner_knows_every_entry_of_every_file() -> None:
    found = list(tunable("sm_90"))
    known = {(one.name, one.rows) for one in found}
    assert len(known) == len(found)
    for path in FILES:
        whole = json.loads(path.read_text())
        variants = [""] if "sm_90" in whole else [f".{name}" for name in whole if name != "origin"]
        for name in (path.stem + variant for variant in variants):
            rows = {one.rows for one in found if one.name == name}
            assert rows == set(tuning.entries(name, "sm_90"))
    assert all(one.shape in one.spec.shapes for one in found)
    assert {one.shape for one in found} == {"decode", "prefill"}


def test_rows_and_chips_find_their_entry() -> None:
    few, many = (tuning.configuration("router", "sm_90", rows) for rows in (64, 65))
    assert few["SLICES"] > many["SLICES"] == 1
    assert tuning.configuration("router", "sm_89", 1) == tuning.configuration("router", "sm_80", 1)
    with tuning.overriding("router", {"SLICES": 3}):
        assert tuning.configuration("router", "sm_90", 1) == {"SLICES": 3}
    assert tuning.configuration("router", "sm_90", 64) == few


def test_the_tuner_climbs_past_what_does_not_fit_and_writes_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(entry: dict[str, Any]) -> float:
        if entry["BLOCK_N"] * entry["num_stages"] > 512:
            return float("inf")  # more shared memory than there is
        return 1000 / entry["BLOCK_N"] + abs(entry["num_warps"] - 8) + 1 / entry["num_stages"]

    start = {"BLOCK_N": 32, "num_warps": 2, "num_stages": 2, "NATIVE": True}
    found = climb(start, seconds)
    assert found == {"BLOCK_N": 256, "num_warps": 8, "num_stages": 2, "NATIVE": True}
    (tmp_path / "some.json").write_text(json.dumps({"fp8": {"sm_80": {"*": start}}}))
    monkeypatch.setattr(tuning, "DIRECTORY", tmp_path)
    write("some.fp8", "sm_90", "16", found, "0.01 ms on this card")
    written = json.loads((tmp_path / "some.json").read_text())
    assert written["origin"] == {"fp8 sm_90 16": "0.01 ms on this card"}
    assert tuning.configuration("some.fp8", "sm_90", 16) == found
    assert tuning.configuration("some.fp8", "sm_80", 16) == start
