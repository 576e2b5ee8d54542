"""Evidence packs: what they say is what the records say, and no sentence says more."""

import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from billing.reading import snapshot
from gateway.audit.models import AuditRecord
from gateway.audit.verify import verify_file
from gateway.evidence.articles import articles
from gateway.evidence.document import document
from gateway.evidence.errors import InvalidEvidence
from gateway.evidence.files import EvidenceFormat, EvidenceMaker
from gateway.evidence.html import render_html
from gateway.evidence.signing import check_pack, pack_bytes
from gateway.retention.holds import Holds, HoldScope
from gateway.retention.removal import remove_due
from gateway.retention.rules import RetentionRules
from gateway.settings import AuditPolicy, PolicySettings
from support.trail import BORIS, GRETA, Trail, erase_as_commanded

START, END = datetime(2026, 10, 2, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC)
# What would be a judgement: the pack leaves those to people.
JUDGEMENTS = re.compile(r"complian|conform|satisf|fulfil|lawful|adequate|sufficient", re.IGNORECASE)


# Where it does not matter which database the pack was made of.
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def write(
    trail: Trail, file_format: EvidenceFormat = "json", days: int | None = 200
) -> bytes:
    policies = {"default": PolicySettings(audit=AuditPolicy(bodies="masked"))}
    maker = EvidenceMaker(trail.key, trail.clock, RetentionRules(days), policies)
    out = io.BytesIO()
    async with snapshot(trail.database) as session:
        await maker.write(session, "acme", START, END, file_format, out)
    return out.getvalue()


async def pack(trail: Trail, days: int | None = 200) -> dict[str, Any]:
    return json.loads(await write(trail, days=days))


def shows(pack: dict[str, Any], article: str) -> str:
    (row,) = [row for row in pack["articles"] if row["article"] == article]
    return " ".join(row["shows"])


async def some(trail: Trail) -> None:
    """A day before the span, then two days of it: 8 and 6 requests, an action, another tenant."""
    await trail.days(1, per_day=3)
    await trail.days(1, per_day=8, body=b"{}")
    await trail.requests(4, user=BORIS, zone="eu", upstream="provider", weights_digest=None)
    await trail.requests(
        2,
        user=None,
        outcome="blocked",
        upstream=None,
        zone=None,
        error_code="prompt_blocked",
        masked={},
    )
    await trail.requests(5, tenant="globex", zone="us", upstream="foreign")
    await trail.action("key.create", "key_1", "new application")
    await trail.checkpoint()


async def test_counts_are_those_of_the_span_and_the_tenant(trail: Trail) -> None:
    await some(trail)
    found = await pack(trail)
    assert found["records"]["by_kind"] == {"admin": 1, "request": 14}
    assert found["records"]["by_outcome"] == {"blocked": 2, "completed": 12}
    assert found["records"]["by_error_code"] == {"prompt_blocked": 2}
    assert found["records"]["end_users"] == 2
    assert found["records"]["tokens"] == {"input": 14 * 120, "output": 14 * 40}
    assert (found["records"]["first_seq"], found["records"]["last_seq"]) == (4, 18)
    assert {(item["zone"], item["requests"]) for item in found["destinations"]} == {
        ("onprem", 8),
        ("eu", 4),
    }
    assert found["masked"] == [
        {"entity_type": "EMAIL_ADDRESS", "values": 12, "requests": 12},
        {"entity_type": "PERSON", "values": 24, "requests": 12},
    ]
    assert [(g["name"], g["version"], g["requests"]) for g in found["guards"]] == [
        ("moderation", "4", 14),
        ("pii", "rules-7+ner-3", 14),
    ]
    assert found["bodies"] == {"stored": 8}
    assert found["admin_actions"]["by_action"] == {"key.create": 1}
    assert found["admin_actions"]["listed"][0]["reason"] == "new application"
    assert "globex" not in json.dumps(found)
    assert "foreign" not in json.dumps(found)


async def test_integrity_is_that_of_the_whole_chain(trail: Trail) -> None:
    await some(trail)
    found = (await pack(trail))["integrity"]
    (chain,) = found["chain"]
    assert (chain["ok"], chain["first_seq"], chain["last_seq"]) == (True, 1, 18)
    assert found["bodies"] == {"named": 8, "findings": {"count": 0, "listed": []}}
    assert found["newest_checkpoint"]["last_seq"] == 18
    assert len(found["newest_checkpoint"]["root"]) == 64
    assert found["keys"][0]["key_id"] == trail.key.key_id
    assert found["anchors"] == []


@one_database
async def test_a_damaged_chain_is_said_to_be_damaged(trail: Trail) -> None:
    await some(trail)
    async with trail.database.transaction() as session:
        row = await session.get(AuditRecord, ("acme", 1))
        assert row is not None
        row.body = row.body.replace("onprem", "abroad")
    found = await pack(trail)
    assert not found["integrity"]["chain"][0]["ok"]
    assert "does NOT verify" in shows(found, "Art. 32")
    assert "DOES NOT VERIFY" in render_html(document(found))


async def test_holds_prunings_and_erasures_are_in_it(trail: Trail) -> None:
    await some(trail)
    await trail.days(3)
    async with trail.database.transaction() as session:
        await Holds(session, "acme").create(
            HoldScope(since=START), reason="case 7", author="usr_2", now=trail.clock.now()
        )
    async with trail.database.transaction() as session:
        await remove_due(session, "acme", trail.key, trail.clock.now(), 2)
    found = await pack(trail, days=2)
    retention = found["retention"]
    assert [hold["reason"] for hold in retention["holds"]] == ["case 7"]
    assert [item["last_seq"] for item in retention["prunings"]] == [3]
    assert retention["records_days"] == 2
    assert "2 days, less than six months" in shows(found, "Art. 26(6)")
    assert "Records up to number 3 were removed" in shows(found, "Art. 19")
    assert "1 legal hold in force" in shows(found, "Art. 5(1)(e)")


async def test_an_erasure_is_in_it(trail: Trail) -> None:
    await some(trail)
    await erase_as_commanded(trail, GRETA)
    found = await pack(trail)
    assert [item["owner"] for item in found["retention"]["erasures"]] == [GRETA]
    assert found["retention"]["stored_bodies"] == {
        "stored": 0,
        "expired": 0,
        "erased": 8,
        "lost": 0,
    }
    assert found["integrity"]["bodies"]["findings"]["count"] == 0


@one_database
async def test_what_the_span_has_lost_is_said(trail: Trail) -> None:
    await trail.days(10)
    async with trail.database.transaction() as session:
        await remove_due(session, "acme", trail.key, trail.clock.now(), 4)
    assert "earlier ones were removed" in shows(await pack(trail), "Art. 12")


@one_database
async def test_an_empty_trail_shows_nothing_and_says_so(trail: Trail) -> None:
    found = await pack(trail, days=None)
    assert found["records"]["count"] == 0
    assert shows(found, "Art. 12").startswith("No record joined the chain")
    assert "There is no chain to verify." in shows(found, "Art. 32")
    assert "kept for ever" in shows(found, "Art. 19")


@one_database
async def test_no_sentence_judges(trail: Trail) -> None:
    empty = await pack(trail, days=None)
    await some(trail)
    for found in (empty, await pack(trail)):
        rows = articles(found)
        assert {row["article"] for row in rows} == {
            "Art. 12", "Art. 19", "Art. 26(6)", "Art. 5(1)(c)", "Art. 5(1)(e)", "Art. 5(2)",
            "Art. 25", "Art. 30", "Art. 32",
        }  # fmt: skip
        for row in rows:
            assert row["shows"]
            assert row["not_shown"]
            text = " ".join(row["shows"])
            assert not JUDGEMENTS.search(text)
            assert "None" not in text


@one_database
async def test_a_changed_byte_is_found(trail: Trail, tmp_path: Path) -> None:
    await some(trail)
    content = await write(trail)
    file = tmp_path / "evidence.json"
    file.write_bytes(content)
    assert check_pack(file, trail.key.public_key)["tenant"] == "acme"
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] = ord("1") if content[place] != ord("1") else ord("2")
        file.write_bytes(changed)
        with pytest.raises(InvalidEvidence):
            check_pack(file)


@one_database
async def test_other_keys_and_spellings_are_refused(trail: Trail, tmp_path: Path) -> None:
    signed = await pack(trail)
    file = tmp_path / "evidence.json"
    file.write_bytes(pack_bytes(signed))
    with pytest.raises(InvalidEvidence, match="not by the given one"):
        check_pack(file, "ab" * 32)
    for content in (json.dumps(signed, indent=1), "[]", "{}", "nothing", "1.5"):
        file.write_text(content)
        with pytest.raises(InvalidEvidence):
            check_pack(file)


@one_database
async def test_the_archive_holds_what_an_auditor_needs(trail: Trail, tmp_path: Path) -> None:
    await some(trail)
    with zipfile.ZipFile(io.BytesIO(await write(trail, "zip"))) as archive:
        archive.extractall(tmp_path)
    assert check_pack(tmp_path / "evidence.json", trail.key.public_key)["records"]["count"] == 15
    report = verify_file(tmp_path / "records.jsonl", trail.key.public_key)
    assert (report.ok, report.records) == (True, 15)
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "evidence.pdf").pages)
    for part in ("Evidence of acme", "Where data went", "provider", "Proof of integrity"):
        assert part in text
        assert part in (tmp_path / "evidence.html").read_text()


@one_database
async def test_the_page_runs_nothing_and_shows_texts_as_texts(trail: Trail) -> None:
    await trail.days(1)
    await trail.action("key.create", "key_1", "<script>alert(1)</script>")
    page = render_html(document(await pack(trail)))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "src=" not in page
    assert "http" not in page


@one_database
async def test_the_same_again_gives_the_same_bytes(trail: Trail) -> None:
    await some(trail)
    trail.clock.advance(timedelta(days=1))
    for file_format in ("json", "html", "pdf"):
        assert await write(trail, file_format) == await write(trail, file_format)
