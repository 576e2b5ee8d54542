"""`make check-gpu` without a card: what a CPU can run, so that no first run fails on a typo."""

import sys
import time
from typing import Any

import pytest
import torch

from benchmarks.kernels import check_gpu, end_to_end
from inference.kernels.triton_common.spec import Case, KernelSpec

CPU = torch.device("cpu")


def doubling(factor: float = 2.0) -> KernelSpec:
    def case(device: torch.device, *, size: int) -> Case:
        return Case({"numbers": torch.ones(size, device=device)}, floor_bytes=8 * size)

    return KernelSpec(
        name="doubling",
        does="numbers twice as large",
        run=lambda numbers: numbers * factor,
        reference=lambda numbers: numbers + numbers,
        case=case,
        shapes={"counted": {"size": 4}, "decode": {"size": 400}},
        compilations=[],
        tolerance=1e-6,
    )


def seconds_of(call: Any) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def test_a_kernel_is_compared_then_timed() -> None:
    card = check_gpu.Card("card", bandwidth=1e9, speed=1e12)
    found = check_gpu.check(doubling(), "decode", card, CPU, seconds_of)
    assert found.microseconds > 0
    assert found.roofline_share == pytest.approx(3200 / 1e9 / (found.microseconds / 1e6))
    assert found.times_eager > 0
    assert "of the roofline" in check_gpu.line(found)


def test_one_that_differs_or_fails_stops_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    specs = [doubling(3.0), doubling(torch.inf), doubling()]
    broken = KernelSpec("broken", "", lambda **_: 1 / 0, *([None] * 2), {}, [])  # pyright: ignore
    found = check_gpu.check_kernels([broken, *specs], "counted", None, CPU, time.monotonic() + 60)
    assert [bool(one.differs) for one in found] == [True, True, True, False]
    told = capsys.readouterr().out.splitlines()
    assert "failed: " in told[0]
    assert told[-1].split() == ["doubling", "counted", "equal"]
    assert check_gpu.check_kernels(specs, "counted", None, CPU, time.monotonic() - 1) == []
    assert "3 kernels at counted not run" in capsys.readouterr().out


def test_the_whole_model_is_compared_and_timed_without_a_card() -> None:
    said: list[str] = []
    settings = end_to_end.Settings(
        device="cpu", size="tiny", kernels="reference", graphs="static", streams=(2,), tokens=3,
        rounds=1,
    )  # fmt: skip
    outcome = end_to_end.check(settings, said.append)
    assert outcome.differs == {}
    assert set(outcome.speeds) == {"ours, graphs", "ours, no graphs", "transformers, eager"}
    assert all(speed > 0 for by in outcome.speeds.values() for speed in by.values())
    assert any("fit check reserves" in text for text in said)
    assert "those of transformers" in said[1]


def test_the_table_has_a_bar() -> None:
    outcome = end_to_end.Outcome(1)
    outcome.speeds = {
        "ours, graphs": {1: 30.0, 16: 100.0},
        "ours, no graphs": {1: 10.0, 16: 90.0},
        "transformers, eager": {1: 10.0, 16: 80.0},
    }
    assert end_to_end.table(outcome)[-1] == "bar of 1.5x transformers: MISSED"
    assert "(3.00x)" in end_to_end.table(outcome)[1]
    outcome.speeds["ours, graphs"][16] = 120.0
    assert end_to_end.table(outcome)[-1] == "bar of 1.5x transformers: reached"


def test_without_a_card_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["check_gpu", "--part", "parity", "--minutes", "4"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert check_gpu.main() == 1
    assert "no CUDA device" in capsys.readouterr().err
