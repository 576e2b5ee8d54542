"""A running gateway anchors its checkpoints, and signs on with a key that was rotated beside it."""

import json
from pathlib import Path
from typing import Any

import httpx

from support.deployment import KEYS, Capture, Deployment, gateway, settings, sovgate
from support.outcomes import soon

HELLO = {"model": "flash", "messages": [{"role": "user", "content": "Please say hello."}]}


def ask(deployment: Deployment) -> str:
    """The id of a request that was served."""
    answer = httpx.post(
        f"{deployment.base_url}/chat/completions",
        json=HELLO,
        headers={"authorization": f"Bearer {KEYS['acme']}"},
        timeout=30,
    )
    assert answer.status_code == 200
    return answer.headers["x-sovgate-request-id"]


def run(deployment: Deployment, *arguments: str) -> str:
    result = sovgate(deployment, "audit", *arguments)
    assert result.status == 0, result.output + result.errors
    return result.output


def test_the_gateway_anchors_and_goes_on_with_a_rotated_key(
    tmp_path: Path, capture: Capture
) -> None:
    worm, first = tmp_path / "worm.jsonl", tmp_path / "first.pem"
    audit = {
        "checkpoint_interval_s": 1,
        "anchors": {
            "worm": {"kind": "file", "path": str(worm)},
            "away": {"kind": "file", "path": str(tmp_path / "no" / "such" / "folder")},
        },
    }

    def anchored() -> list[dict[str, Any]]:
        lines = worm.read_text().splitlines() if worm.exists() else []
        checkpoints = [json.loads(line)["checkpoint"] for line in lines]
        return [each for each in checkpoints if each["tenant"] == "acme"]

    with gateway(tmp_path, settings(tmp_path, capture.url, audit=audit)) as deployment:
        first.write_bytes((tmp_path / "data" / "audit-public-key.pem").read_bytes())
        before = ask(deployment)
        soon(lambda: len(anchored()) > 0)
        old = anchored()[-1]
        run(deployment, "rotate-key", "--reason", "every quarter")
        after = ask(deployment)
        soon(lambda: anchored()[-1]["key_id"] != old["key_id"])
        assert anchored()[-1]["last_seq"] > old["last_seq"]
        metrics = httpx.get(f"{deployment.base_url.removesuffix('/v1')}/metrics").text
        assert 'sovgate_audit_anchor_failures_total{anchor="away"}' in metrics
        assert 'sovgate_audit_anchor_failures_total{anchor="worm"}' not in metrics
    anchors = ("--anchors", str(worm), "--public-key", str(first))
    assert "anchors agree" in run(deployment, "verify", *anchors)
    for number, request_id in enumerate((before, after)):
        proof = tmp_path / f"{number}.json"
        run(deployment, "prove", request_id, "--out", str(proof))
        run(deployment, "verify", str(proof), "--public-key", str(first))
