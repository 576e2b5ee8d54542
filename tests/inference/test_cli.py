"""The commands as a person runs them; importing them loads no torch."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from tiny_models import make_tiny
from worker_process import ROOT, run_cli

from inference.cli.worker import parse_alias


@pytest.mark.parametrize("module", ["inference", "inference.cli", "inference.provenance"])
def test_importing_loads_no_torch(module: str) -> None:
    code = f"import sys, {module}; assert not {{'torch', 'transformers'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_verify_names_the_digest(demo_model: Path) -> None:
    done = run_cli("model", "verify", str(demo_model), "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["ok"]
    assert found["files"] == 5
    assert found["weights_digest"].startswith("sha256:")
    pinned = demo_model.parent / "model-key.pub.pem"
    if pinned.exists():
        trusted = ("--trusted-key", str(pinned))
        again = run_cli("model", "verify", str(demo_model), *trusted, "--json")
        assert json.loads(again.stdout)["signer_trusted"]


def test_a_signed_tiny_checkpoint_is_refused_once_changed(tmp_path: Path) -> None:
    directory, _ = make_tiny("mixtral", tmp_path / "tiny")
    shutil.copy(ROOT / "LICENSE", directory / "LICENSE")
    key = str(tmp_path / "key.pem")
    assert run_cli("model", "sign", str(directory), "--key", key).returncode == 0
    assert run_cli("model", "verify", str(directory)).returncode == 0
    weights = directory / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    for command in (
        ("model", "verify", str(directory)),
        ("worker", "serve", "--model", str(directory), "--port", "0"),
    ):
        done = run_cli(*command)
        assert done.returncode == 1
        assert "model.safetensors" in done.stderr
        assert "checkpoint_file_changed" in done.stderr


def test_errors_are_json_where_asked(tmp_path: Path) -> None:
    done = run_cli("model", "verify", str(tmp_path), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "manifest_missing"


def test_a_device_that_is_not_there_is_a_sentence(demo_model: Path) -> None:
    done = run_cli("worker", "serve", "--model", str(demo_model), "--device", "npu", "--port", "0")
    assert done.returncode == 1
    assert "torch-npu" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["sov-flash", "sov-flash=101%", "sov-flash=0%", "=7", "a=b"])
def test_a_name_needs_a_budget(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="sov-flash=90%"):
        parse_alias(text)


def test_a_port_in_use_is_a_sentence(demo_model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_cli("worker", "serve", "--model", str(demo_model), "--port", port)
    assert done.returncode == 1
    assert "address_unavailable" in done.stderr
    assert "Traceback" not in done.stderr


def test_convert_into_a_full_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("")
    done = run_cli("model", "convert", "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "not empty" in done.stderr
