"""Checkpoints in few bits: the published layout loads and answers as its numbers written out."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_helpers import greedy, run_all, small_engine
from safetensors.torch import load_file, save_file
from tiny_models import make_tiny
from tiny_v4 import make_tiny_v4, published_config

from inference.checkpoint import Checkpoint
from inference.convert.rewriting import rewrite_and_sign
from inference.convert.weight_errors import compare
from inference.convert.weight_formats import Target, format_of, rewrite
from inference.errors import CheckpointInvalid, CheckpointUnsupported
from inference.model_config import parse_config
from inference.parallel import Layout
from inference.parallel.memory import part_bytes
from inference.provenance import verify_directory
from inference.quantization import fp8_block, mxfp4

PROMPT = [5, 17, 42, 8, 90, 33, 2, 61, 7, 7, 12, 80, 4, 55, 29, 3, 71, 66, 20, 9]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("v4")
    make_tiny_v4(directory, drafts=True)
    return directory


def answer(directory: Path, experts: int = 3) -> list[int]:
    engine = small_engine(directory, kernels="reference")
    return run_all(engine, greedy(PROMPT, 12, experts))[0]


def write_raw(source: Path, out: Path, *, base: bool) -> Path:
    """The published layout and its twin, written tensor by tensor and not by our converter."""
    twin = out / "twin"
    twin.mkdir(parents=True)
    raw: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    for name, tensor in load_file(source / "model.safetensors").items():
        stem = name.removesuffix(".weight")
        parts = stem.split(".")
        if ".ffn.experts." in name and not base:
            raw[name], raw[f"{stem}.scale"] = mxfp4.pack(tensor)
            plain[name] = mxfp4.unpack(raw[name], raw[f"{stem}.scale"])
            raw[name] = raw[name].view(torch.int8)
        elif ".experts." in name or parts[-1].startswith(("w1", "w2", "w3", "wq", "wo")):
            scale_format = "float32" if base else "ue8m0"
            raw[name], raw[f"{stem}.scale"] = fp8_block.pack(tensor, scale_format=scale_format)
            plain[name] = fp8_block.unpack(raw[name], raw[f"{stem}.scale"])
        else:
            raw[name] = plain[name] = tensor
    config = published_config() | {
        "quantization_config": {
            "quant_method": "fp8",
            "fmt": "e4m3",
            "activation_scheme": "dynamic",
            "scale_fmt": "ue8m0",
            "weight_block_size": [128, 128],
        },
        "expert_dtype": "fp8" if base else "fp4",
    }
    save_file(raw, out / "model.safetensors")
    (out / "config.json").write_text(json.dumps(config))
    save_file(plain, twin / "model.safetensors")
    (twin / "config.json").write_text(json.dumps(published_config()))
    return twin


@pytest.mark.parametrize("base", [False, True], ids=["mxfp4", "base"])
def test_the_published_layout_answers_as_its_twin(tiny: Path, tmp_path: Path, base: bool) -> None:
    twin = write_raw(tiny, tmp_path, base=base)
    stored = Checkpoint(tmp_path, torch.device("cpu"), torch.float32)
    experts = stored.stored("layers.1.ffn.experts.3.w1.weight")
    assert experts is not None
    assert experts.format == ("fp8" if base else "mxfp4")
    assert answer(tmp_path) == answer(twin)


@pytest.mark.parametrize("target", ["fp8", "mxfp4", "int8", "int4"])
def test_what_is_converted_answers_as_its_twin(tiny: Path, tmp_path: Path, target: Target) -> None:
    done = rewrite(tiny, tmp_path / "narrow", target, lambda _: None)
    assert done.weights > 180
    narrow = tmp_path / "narrow"
    assert done.bytes_after == sum(
        t.nbytes for t in load_file(narrow / "model.safetensors").values()
    )
    assert done.bytes_after < done.bytes_before / 2
    read = Checkpoint(narrow, torch.device("cpu"), torch.float32)
    plain = {name: read.tensor(name, read.raw(name).dtype if read.stored(name) is None else None)
             for name in load_file(tiny / "model.safetensors")}  # fmt: skip
    save_file(plain, _copy(tiny, tmp_path / "twin") / "model.safetensors")
    assert answer(narrow) == answer(tmp_path / "twin")


def test_a_model_in_hugging_faces_names(tmp_path: Path) -> None:
    source, _ = make_tiny("qwen3_moe", _made(tmp_path / "source"))
    rewrite(source, tmp_path / "narrow", "fp8", lambda _: None)
    names = load_file(tmp_path / "narrow" / "model.safetensors")
    assert "model.layers.0.mlp.experts.5.up_proj.weight_scale_inv" in names
    assert names["model.layers.0.mlp.gate.weight"].dtype == torch.float32
    rewrite(tmp_path / "narrow", tmp_path / "wide", "bfloat16", lambda _: None)
    assert answer(tmp_path / "narrow") == answer(tmp_path / "wide")
    assert "quantization_config" not in json.loads((tmp_path / "wide/config.json").read_text())
    with pytest.raises(CheckpointInvalid, match="not empty"):
        rewrite(source, tmp_path / "wide", "fp8", lambda _: None)


def test_errors_are_each_blocks_own(tiny: Path, tmp_path: Path) -> None:
    errors = {}
    for target in ("int8", "int4"):
        rewrite(tiny, tmp_path / target, target, lambda _: None)
        report = compare(tiny, tmp_path / target, PROMPT * 3)
        assert [(b.layer, b.block) for b in report.blocks[:3]] == [
            (0, "attention"), (0, "feed_forward"), (1, "attention"),
        ]  # fmt: skip
        assert len(report.blocks) == 12
        assert all(0 < b.relative_rms < 0.25 and b.cosine > 0.7 for b in report.blocks)
        errors[target] = report
    pairs = zip(errors["int8"].blocks, errors["int4"].blocks, strict=True)
    assert all(narrow.relative_rms < narrower.relative_rms for narrow, narrower in pairs)
    assert errors["int8"].logits.relative_rms < errors["int4"].logits.relative_rms
    assert errors["int8"].same_choice > 0.8
    # One layer's experts are off: no other block has an error, the logits have.
    weights = load_file(tiny / "model.safetensors")
    weights["layers.2.ffn.shared_experts.w2.weight"] *= 1.1
    save_file(weights, _copy(tiny, tmp_path / "off") / "model.safetensors")
    report = compare(tiny, tmp_path / "off", PROMPT)
    off = [(b.layer, b.block) for b in report.blocks if b.relative_rms]
    assert off == [(2, "feed_forward")]
    assert report.logits.relative_rms > 0


def test_what_was_rewritten_is_signed_and_told(scripted_v4: Path, tmp_path: Path) -> None:
    out = tmp_path / "narrow"
    found = rewrite_and_sign(
        scripted_v4, out, "mxfp4", tmp_path / "key.pem", lambda _: None, with_report=True
    )
    assert verify_directory(out).weights_digest == found["weights_digest"]
    assert found["bytes_per_device"]["1"] == found["bytes_after"] < found["bytes_before"]
    assert found["bytes_per_device"]["4"] < found["bytes_per_device"]["2"] < found["bytes_after"]
    assert found["error"]["same_choice"] == 1.0  # its blocks add nothing, its head stays
    assert (out / "tokenizer.json").read_bytes() == (scripted_v4 / "tokenizer.json").read_bytes()


def test_bytes_by_devices(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    checkpoint = Checkpoint(tiny, torch.device("cpu"), torch.float32)
    routed = sum(t.nbytes for name, t in weights.items() if ".ffn.experts." in name)
    whole = sum(t.nbytes for t in weights.values())
    assert part_bytes(checkpoint, Layout()) == whole
    assert part_bytes(checkpoint, Layout(expert=2)) == whole - routed // 2
    assert part_bytes(checkpoint, Layout(expert=4)) == whole - routed * 4 // 6
    assert part_bytes(checkpoint, Layout(2, 2)) < whole - routed * 3 // 4


def test_what_stays_wide() -> None:
    wide = ["embed.weight", "head.weight", "layers.3.ffn.gate.weight", "lm_head.weight"]
    wide += ["layers.3.attn.compressor.wkv.weight", "layers.3.attn.indexer.weights_proj.weight"]
    wide += ["model.layers.0.mlp.gate.weight", "layers.3.attn.indexer.compressor.wgate.weight"]
    for name in wide:
        assert format_of(name, (64, 64), "mxfp4") is None
    assert format_of("layers.3.attn.wq_a.weight", (64, 64), "mxfp4") == "fp8"
    assert format_of("layers.3.ffn.experts.2.w1.weight", (64, 64), "mxfp4") == "mxfp4"
    assert format_of("layers.3.ffn.experts.2.w1.weight", (64, 63), "mxfp4") is None
    assert format_of("mtp.0.e_proj.weight", (64, 64), "int4") == "int4"


def test_scales_that_are_missing_or_do_not_fit(tiny: Path, tmp_path: Path) -> None:
    codes, scales = fp8_block.pack(torch.randn(200, 100))
    bad = {"a.weight": codes.clone(), "b.weight": codes.clone(), "b.scale": scales.T.contiguous(),
           "c.weight": codes.view(torch.uint8), "c.scale": scales.float()}  # fmt: skip
    save_file(bad, tmp_path / "model.safetensors")
    checkpoint = Checkpoint(tmp_path, torch.device("cpu"), torch.float32)
    with pytest.raises(CheckpointInvalid, match="no scales"):
        checkpoint.tensor("a.weight")
    with pytest.raises(CheckpointInvalid, match=r"needs scales \[2, 1\], not \[1, 2\]"):
        checkpoint.tensor("b.weight")
    with pytest.raises(CheckpointInvalid, match="no format that is read"):
        checkpoint.tensor("c.weight")
    for given in ({"quant_method": "awq"}, {"quant_method": "fp8", "fmt": "e5m2"}):
        with pytest.raises(CheckpointUnsupported, match="Quantised weights"):
            parse_config(published_config() | {"quantization_config": given})


def _copy(source: Path, out: Path) -> Path:
    return Path(shutil.copytree(source, out))


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory
