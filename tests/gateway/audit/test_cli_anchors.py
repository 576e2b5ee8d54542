"""`audit prove`, `rotate-key`, `checkpoints`, `anchors`, `witness`, and `verify --anchors`."""

import asyncio
import json
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from typer.testing import CliRunner, Result

from core.clock import ManualClock
from core.database import Database
from gateway.audit import AuditChain, Entry, SigningKey
from gateway.audit.anchoring import Anchorer, build_targets
from gateway.audit.keys import KEY_FILE, PUBLIC_KEY_FILE, create_key
from gateway.audit.models import AuditCheckpoint, AuditHead, AuditRecord
from gateway.cli.main import app
from gateway.settings import load_settings


def entries(count: int, mark: str = "") -> list[Entry]:
    fields = {"upstream": None, "mark": mark}
    return [Entry("acme", f"req_{number}", "request", fields) for number in range(count)]


@pytest.fixture
async def config(
    audit_database: Database, database_url: str, chain: AuditChain, key: SigningKey, tmp_path: Path
) -> Path:
    """A deployment with ten signed records of acme, and a file anchor in its settings."""
    async with audit_database.transaction() as session:
        await chain.append(session, entries(10))
        await chain.checkpoint(session, "acme")
    await audit_database.engine.dispose()
    return write_config(tmp_path, database_url)


def write_config(tmp_path: Path, database_url: str) -> Path:
    keys, file = tmp_path / "keys", tmp_path / "sovgate.yaml"
    anchors = {"worm": {"kind": "file", "path": str(tmp_path / "worm.jsonl")}}
    settings = {
        "data_dir": str(keys),
        "database": {"url": database_url},
        "audit": {"anchors": anchors},
    }
    file.write_text(json.dumps(settings))
    return file


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *(os.fspath(argument) for argument in arguments)])


def act(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def anchor(config: Path, database_url: str, clock: ManualClock) -> None:
    database = Database(database_url)
    targets = build_targets(load_settings(config), clock)
    await Anchorer(database, targets, clock=clock, interval_s=60).run_once()
    await database.dispose()


async def recompute(database_url: str, key: SigningKey, clock: ManualClock) -> None:
    database, chain = Database(database_url), AuditChain(clock, key)
    async with database.transaction() as session:
        for table in (AuditRecord, AuditHead, AuditCheckpoint):
            await session.execute(delete(table))
        await chain.append(session, entries(10, "forged"))
        await chain.checkpoint(session, "acme")
    await database.dispose()


def test_a_proof_is_made_and_verified_offline(config: Path, tmp_path: Path) -> None:
    proof, public_key = tmp_path / "proof.json", tmp_path / "keys" / PUBLIC_KEY_FILE
    assert run("prove", "req_3", "--out", proof, "--config", config).exit_code == 0
    printed = run("prove", "req_3", "--tenant", "acme", "--config", config)
    assert printed.stdout == proof.read_text()
    verified = run("verify", proof, "--public-key", public_key)
    assert verified.exit_code == 0
    assert verified.stdout.startswith("OK: tenant acme, records 4 to 4 (1) verify; signed by")
    proof.write_text(proof.read_text().replace("req_3", "req_4"))
    assert run("verify", proof, "--public-key", public_key).exit_code == 1
    unknown = run("prove", "req_99", "--config", config)
    assert unknown.exit_code == 2
    assert "no record req_99" in unknown.stderr


def test_after_a_rotation_the_first_key_still_verifies(config: Path, tmp_path: Path) -> None:
    keys, export, first = tmp_path / "keys", tmp_path / "export.jsonl", tmp_path / "first.pem"
    first.write_bytes((keys / PUBLIC_KEY_FILE).read_bytes())
    private = (keys / KEY_FILE).read_bytes()
    rotated = run("rotate-key", "--reason", "every quarter", "--config", config)
    assert rotated.exit_code == 0, rotated.stderr
    assert "its successor" in rotated.stdout
    assert (keys / KEY_FILE).read_bytes() != private
    assert (keys / PUBLIC_KEY_FILE).read_bytes() != first.read_bytes()
    assert run("export", "--tenant", "acme", "--out", export, "--config", config).exit_code == 0
    for pinned in (first, keys / PUBLIC_KEY_FILE):
        assert run("verify", export, "--public-key", pinned).exit_code == 0
        assert run("verify", "--public-key", pinned, "--config", config).exit_code == 0
    stranger = SigningKey.load_or_create(None, tmp_path / "stranger")
    (tmp_path / "stranger.hex").write_text(stranger.public_key)
    refused = run("verify", export, "--public-key", tmp_path / "stranger.hex")
    assert refused.exit_code == 1
    assert "not by" in refused.stdout


def test_anchors_convict_the_owner_of_the_key(
    config: Path, database_url: str, key: SigningKey, clock: ManualClock, tmp_path: Path
) -> None:
    act(anchor(config, database_url, clock))
    lines = tmp_path / "lines.jsonl"
    assert run("anchors", "--out", lines, "--config", config).exit_code == 0
    assert lines.read_bytes() == (tmp_path / "worm.jsonl").read_bytes()
    assert run("anchors", "--tenant", "nobody", "--config", config).stdout == ""
    verified = run("verify", "--anchors", lines, "--config", config)
    assert (verified.exit_code, "1 anchors agree" in verified.stdout) == (0, True)
    act(recompute(database_url, key, clock))
    assert run("verify", "--config", config).exit_code == 0
    convicted = run("verify", "--anchors", lines, "--config", config)
    assert convicted.exit_code == 1
    assert "anchor worm has seen another record here" in convicted.stdout


def test_a_second_party_counter_signs_by_hand(
    config: Path, database_url: str, key: SigningKey, clock: ManualClock, tmp_path: Path
) -> None:
    checkpoints, memory = tmp_path / "checkpoints.jsonl", tmp_path / "witness.jsonl"
    create_key(tmp_path / "witness.pem")
    second = SigningKey.load(tmp_path / "witness.pem")
    second.write_public(tmp_path / "witness.pub")
    witness = ("witness", checkpoints, "--key", tmp_path / "witness.pem", "--memory", memory)
    operator = ("--operator-key", tmp_path / "keys" / PUBLIC_KEY_FILE)
    assert run("checkpoints", "--out", checkpoints, "--config", config).exit_code == 0
    signed = run(*witness, *operator)
    assert signed.exit_code == 0
    assert signed.stderr.endswith("1 counter-signed, 0 refused.\n")
    anchors = ("--anchors", memory, "--witness-key", tmp_path / "witness.pub")
    assert run("verify", *anchors, "--config", config).exit_code == 0
    missing = run("verify", "--anchors", memory, "--config", config)
    assert (missing.exit_code, "--witness-key" in missing.stderr) == (2, True)

    act(recompute(database_url, key, clock))
    assert run("verify", *anchors, "--config", config).exit_code == 1
    assert run("checkpoints", "--out", checkpoints, "--config", config).exit_code == 0
    refused = run(*witness, *operator)
    assert refused.exit_code == 1
    assert "Line 1: refused. The chain of acme was recomputed." in refused.stderr
    checkpoints.write_text("no checkpoint\n")
    assert run(*witness).exit_code == 1
    assert run("witness", "--key", tmp_path / "witness.pem", "--memory", memory).exit_code == 2


@pytest.mark.parametrize(
    "anchor",
    [
        {"kind": "file"},
        {"kind": "file", "path": "a", "url": "http://tsa.example/"},
        {"kind": "rfc3161", "url": "http://tsa.example/"},
        {"kind": "rfc3161", "url": "ftp://tsa.example/", "ca_file": "ca.pem"},
        {"kind": "witness", "url": "http://witness.example/"},
        {"kind": "notary"},
    ],
)
def test_half_an_anchor_stops_the_start(tmp_path: Path, anchor: dict[str, str]) -> None:
    file = tmp_path / "sovgate.yaml"
    file.write_text(json.dumps({"audit": {"anchors": {"one": anchor}}}))
    result = run("verify", "--config", file)
    assert result.exit_code == 2
    assert "audit.anchors.one" in result.stderr
