"""``pii-leak-benchmark``: its own capture server stands behind the gateway and looks for leaks.

Its second program exits with 0 whatever it finds, so the verdict is read from its summary.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from conformance.results import Result

GROUP = "pii-leak-benchmark 0.6.0"
SEED = "a1b2c3d4e5f60001"
PROFILES = ("pii-v1", "pii-secrets-v1")
_LIMIT_S = 900


def selfchecks(tools: Path, base_url: str, key: str, port: int, out: Path) -> Iterator[Result]:
    """The control, which must leak, then both profiles, which must not."""
    control = _run(
        tools / "pii-leak-benchmark", ["selfcheck", "--target-base-url", "capture://self"]
    )
    yield Result(GROUP, "control without a gateway leaks", control.returncode == 1, "LEAK wanted")
    for profile in PROFILES:
        arguments = ["selfcheck", "--target-base-url", base_url, "--target-model", "selfcheck"]
        arguments += ["--capture-port", str(port), "--profile", profile]
        arguments += ["--json-out", str(out / f"{profile}.json")]
        done = _run(tools / "pii-leak-benchmark", arguments, CONFORMANCE_TARGET_API_KEY=key)
        verdict = next(
            (
                line.strip()
                for line in done.stdout.splitlines()
                if line.strip() in {"CLEAN", "LEAK", "CHECK FAILED", "NOT MEASURED"}
            ),
            "none",
        )
        yield Result(GROUP, f"selfcheck {profile}", done.returncode == 0, verdict)


def response_split(
    tools: Path, base_url: str, key: str, port: int, out: Path, *, exhaustive: bool
) -> Iterator[Result]:
    """The v2 profile: the caller's values restored, those that the upstream makes up redacted."""
    name = "exhaustive" if exhaustive else "midpoint"
    summary = out / f"{name}.summary.json"
    arguments = ["--validate", "--out", str(out), "--only", name, "--model", "response-split"]
    arguments += ["--gateway-url", f"{base_url}/chat/completions", "--upstream-port", str(port)]
    arguments += ["--seed", SEED, "--json-out", str(summary), "--partial-emission"]
    arguments += ["--exhaustive-splits"] if exhaustive else []
    done = _run(tools / "pii-leak-benchmark-v2", arguments, CONFORMANCE_TARGET_API_KEY=key)
    if not summary.exists():
        yield Result(GROUP, f"v2, {name} cuts", False, done.stderr.strip()[-200:])
        return
    row = json.loads(summary.read_text("utf-8"))["rows"][0]
    yield Result(GROUP, f"v2, {name} cuts", _passes(row), _told(row))
    partial = json.loads((out / f"{name}.partial-emission.json").read_text("utf-8"))["metrics"]
    rate = partial["partial_emission_rate"]["overall"]
    counted = f"{partial['cases_partial_emission']} of {partial['cases_applicable']} cases"
    whole = partial["cases_applicable"] > 0 and rate == 0
    yield Result(GROUP, f"v2, {name} cuts: no part of a value goes out", whole, counted)


def _passes(row: dict[str, Any]) -> bool:
    return (
        row["outcome"] == "pass"
        and row["fidelity_rate"] == 1.0
        and row["leak_single_chunk"] == row["leak_adversarial"] == 0
        and row["request_path_leak"] == []
        and row["schema_valid"] is True
    )


def _told(row: dict[str, Any]) -> str:
    leaked = ", ".join(row["request_path_leak"]) or "nothing"
    return (
        f"outcome `{row['outcome']}`, fidelity {row['fidelity_rate']}, leak"
        f" {row['leak_single_chunk']} / {row['leak_adversarial']}, on the request path {leaked},"
        f" {row['cases_applicable']} of {row['cases_attempted']} cases"
    )


def _run(
    program: Path, arguments: Sequence[str], **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=_LIMIT_S,
        check=False,
    )
