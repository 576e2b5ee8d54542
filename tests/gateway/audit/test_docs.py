"""docs/audit.md is what a second implementation would be written from; this is one."""

import hashlib
import json
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.diagnosis import Damage
from gateway.audit.proofs import MEMBERS
from gateway.audit.record import RESERVED
from gateway.audit.succession import Succession
from gateway.audit.verify import verify_file

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "audit.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, flags=re.DOTALL | re.MULTILINE)


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def test_the_worked_example_verifies_by_the_words_of_the_document(tmp_path: Path) -> None:
    (export,) = blocks("jsonl")
    records = [json.loads(line) for line in export.splitlines()]
    signed = records[-1].pop("checkpoint")
    previous = "0" * 64
    for record in records:
        assert record.pop("prev_hash") == previous
        named = record.pop("hash")
        previous = hashlib.sha256(bytes.fromhex(previous) + canonical(record)).hexdigest()
        assert previous == named
    assert f"```\n{canonical(records[0]).decode()}\n```" in DOCUMENT
    signature = bytes.fromhex(signed.pop("signature"))
    assert f"```\n{canonical(signed).decode()}\n```" in DOCUMENT
    public = bytes.fromhex(signed["public_key"])
    Ed25519PublicKey.from_public_bytes(public).verify(signature, canonical(signed))
    assert signed["key_id"] == hashlib.sha256(public).hexdigest()[:16]
    assert signed["last_hash"] == previous
    leaves = [sha(b"\0" + bytes.fromhex(json.loads(line)["hash"])) for line in export.splitlines()]
    assert signed["root"] == sha(b"\1" + leaves[0] + leaves[1]).hex()

    (tmp_path / "example.jsonl").write_text(export)
    assert verify_file(tmp_path / "example.jsonl", signed["public_key"]).ok


def test_every_name_of_the_format_is_documented() -> None:
    names = {*RESERVED, *Checkpoint.__dataclass_fields__, *Damage}
    names |= {*Succession.__dataclass_fields__, *MEMBERS, "anchor", "token"}
    assert {name for name in names if f"`{name}`" not in DOCUMENT} == set()
