"""What is said of a device and of a checkpoint's needs, before a weight is read."""

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from tiny_models import make_tiny
from tiny_v4 import make_tiny_v4
from worker_process import run_cli

from inference.checkpoint import Checkpoint
from inference.convert.weight_formats import Target, rewrite
from inference.devices import MemoryNeed, examine, memory_need
from inference.devices.capabilities import of_cpu, of_cuda, of_npu, of_rocm
from inference.devices.doctor import as_text, diagnose
from inference.devices.memory import CacheSize
from inference.engine.loading import EngineOptions, load_engine, make_plan
from inference.errors import DeviceTooSmall, DeviceUnavailable
from inference.kernels.registry import choose_kernels
from inference.model_config import load_config

GIB = 1 << 30
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def v4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("v4")
    make_tiny_v4(directory)
    return directory


def assert_need_is_what_is_allotted(directory: Path) -> None:
    options = EngineOptions(dtype="float32", kernels="reference", kv_blocks=64)
    plan = make_plan(directory, options)
    engine, _ = load_engine(directory, options)
    assert plan.need.cache == engine._runner.cache.bytes
    checkpoint = Checkpoint(directory, CPU, torch.float32)
    read = {name: checkpoint.tensor(name) for name in checkpoint.names()}
    tied = plan.config.kind != "deepseek_v4" and plan.config.tie_word_embeddings
    twice = read["model.embed_tokens.weight"].nbytes if tied else 0
    assert plan.need.weights == sum(tensor.nbytes for tensor in read.values()) + twice


def test_a_need_is_what_is_allotted(tiny: Any) -> None:
    assert_need_is_what_is_allotted(tiny[0])


def test_a_need_of_running_states_too(v4: Path) -> None:
    assert_need_is_what_is_allotted(v4)


def test_kernels_are_chosen_once(v4: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A choice makes threads, and on an accelerator reads what was tuned."""
    chosen: list[Any] = []

    def choose(*arguments: Any, **options: Any) -> Any:
        chosen.append(choose_kernels(*arguments, **options))
        return chosen[-1]

    monkeypatch.setattr("inference.engine.loading.choose_kernels", choose)
    _, sentences = load_engine(v4, EngineOptions(dtype="float32", kv_blocks=64, graphs="static"))
    assert len(chosen) == 1
    assert set(chosen[0].choices) <= set(sentences)


def test_an_accelerator_packs_experts_only(v4: Path) -> None:
    checkpoint, config = Checkpoint(v4, CPU, torch.bfloat16), load_config(v4)
    experts = sum(
        checkpoint.tensor(name).numel() for name in checkpoint.names() if ".experts." in name
    )

    def weights(kind: str, on_cpu: bool) -> int:
        size = CacheSize(1, 8, 1)
        return memory_need(checkpoint, config, torch.bfloat16, kind, size, on_cpu=on_cpu).weights

    saved = weights("auto", False) - weights("int8", False)
    assert saved == pytest.approx(experts * (16 - 8.5) / 8, abs=1)
    assert weights("int4", True) < weights("int8", True) < weights("int8", False)


@pytest.mark.parametrize("target", get_args(Target))
def test_shapes_of_quantised_weights_are_those_of_their_numbers(
    v4: Path, tmp_path: Path, target: Target
) -> None:
    rewrite(v4, tmp_path / "narrow", target, lambda _: None)
    checkpoint = Checkpoint(tmp_path / "narrow", CPU, torch.float32)
    wide = Checkpoint(v4, CPU, torch.float32)
    assert sorted(checkpoint.names()) == sorted(wide.names())
    for name in wide.names():
        assert checkpoint.shape(name) == tuple(wide.tensor(name).shape), name


def test_what_does_not_fit_is_refused_with_its_numbers() -> None:
    need = MemoryNeed(weights=3 * GIB, cache=GIB // 2)
    need.check(need.total, "cuda")
    with pytest.raises(DeviceTooSmall, match=r"3\.00 GiB for weights and 0\.50 GiB for the cache"):
        need.check(need.total - 1, "cuda")


def test_a_worker_that_would_not_fit_does_not_start(tmp_path: Path) -> None:
    directory, _ = make_tiny("mixtral", tmp_path / "tiny")
    model = ("--model", str(directory), "--kv-blocks", "1000000000")
    served = run_cli("worker", "serve", *model, "--port", "0", "--allow-unsigned")
    assert served.returncode == 1
    assert "[device_too_small]" in served.stderr
    told = run_cli("worker", "doctor", *model, "--json")
    assert told.returncode == 1
    found = json.loads(told.stdout)
    assert not found["ok"]
    assert found["problem"]["code"] == "device_too_small"


def test_the_doctor_says_what_would_run(tmp_path: Path) -> None:
    directory, _ = make_tiny("mixtral", tmp_path / "tiny")
    told = run_cli("worker", "doctor", "--model", str(directory), "--kv-blocks", "8")
    assert told.returncode == 0
    assert "mixtral in float32" in told.stdout
    assert "a cache of 128 tokens: it fits" in told.stdout
    assert "kernels" in told.stdout


def test_the_doctor_refuses_weights_whatever_the_model() -> None:
    told = diagnose(None, EngineOptions(device="cpu", weights="fp8"))
    assert told["problem"]["code"] == "device_unavailable"
    assert "fp8 weights are kept so by an accelerator's kernels only" in as_text(told)
    assert diagnose(None, EngineOptions(device="cpu"))["problem"] is None


def test_this_machine() -> None:
    found = examine("cpu")
    assert f"{len(os.sched_getaffinity(0))} processors" in found.name
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < found.free <= found.total <= physical
    if not torch.cuda.is_available():
        with pytest.raises(DeviceUnavailable):
            examine("cuda")
    if find_spec("torch_npu") is None:
        with pytest.raises(DeviceUnavailable, match="torch-npu is not installed"):
            examine("npu")


def test_cards_by_what_they_compute() -> None:
    old, ampere, ada, hopper, blackwell = (
        of_cuda("card", version, GIB, GIB) for version in ((7, 5), (8, 0), (8, 9), (9, 0), (10, 0))
    )
    assert "8.0 (A100)" in old.cannot[0]
    assert not any("Triton" in text for text in old.can)
    assert any("no FP8 tensor cores" in text for text in ampere.cannot)
    for card in (ada, hopper, blackwell):
        assert any("FP8" in text for text in card.can)
    assert hopper.architecture == "sm_90"
    assert any("no FP4 tensor cores" in text for text in hopper.cannot)
    assert not any("no FP4 tensor cores" in text for text in blackwell.cannot)


def test_other_devices() -> None:
    mi300 = of_rocm("MI300X", "gfx942:sramecc+:xnack-", GIB, GIB)
    assert mi300.architecture == "gfx942"
    assert "our Triton kernels" in mi300.can
    assert any("gfx1100" in text for text in of_rocm("card", "gfx1100", GIB, GIB).cannot)
    with_kernels, without = (
        of_npu("Ascend910B3", GIB, GIB, kernels=kernels) for kernels in (True, False)
    )
    assert "no FP8 or FP4" in with_kernels.cannot[-1]
    assert any("triton-ascend" in text for text in with_kernels.can)
    assert any("sovgate[ascend]" in text for text in without.cannot)
    bare = of_cpu("cpu", "DEFAULT", GIB, GIB, compiled=False, bfloat16=False)
    assert any("C compiler" in text for text in bare.cannot)
    assert any("no bfloat16 instructions" in text for text in bare.cannot)
