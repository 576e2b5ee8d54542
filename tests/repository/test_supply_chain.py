"""The audit finds what it is for, and the bill of materials is whole and valid."""

import json
from dataclasses import replace

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from supply_chain.audit import findings, licence_is_allowed
from supply_chain.inventory import (
    Package,
    locked,
    npm_packages,
    python_packages,
    rules,
    weights,
)
from supply_chain.sbom import SCHEMA, bill, render
from support.repository import ROOT

DIGEST = "sha256:" + "a" * 64
GOOD = Package("pypi", "good", "1.0", "MIT", (DIGEST,))
SCRIPT = Package("npm", "@scope/good", "1.0.0", "(MIT OR GPL-3.0-only)", ("sha512:" + "b" * 128,))
LOCK = {"good": ("1.0", (DIGEST,)), "litellm": ("1.82.7", (DIGEST,))}


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (replace(GOOD, version="1.0.1"), "the lock says 1.0"),
        (replace(GOOD, name="stranger"), "the lock says nothing"),
        (replace(GOOD, digests=()), "no digest"),
        (replace(GOOD, licence="AGPL-3.0-only"), "licence is not allowed"),
        (replace(GOOD, licence="All rights reserved"), "licence is not allowed"),
        (replace(GOOD, licence=None), "none named"),
        (Package("pypi", "litellm", "1.82.7", "MIT", (DIGEST,)), "stole credentials"),
        (replace(SCRIPT, digests=()), "no digest"),
        (replace(SCRIPT, name="debug", version="4.4.2"), "taken-over account"),
    ],
)
def test_what_must_not_be_is_found(package: Package, said: str) -> None:
    (found,) = findings([GOOD, SCRIPT, package], LOCK, rules())
    assert said in found
    assert package.name in found


def test_what_may_be_is_not_found() -> None:
    assert findings([GOOD, SCRIPT], LOCK, rules()) == []


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("MIT AND Apache-2.0", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT AND (GPL-3.0-only OR BSD-3-Clause)", True),
        ("Copyright by somebody", False),
        ("", False),
        (None, False),
    ],
)
def test_licences(licence: str | None, allowed: bool) -> None:
    assert licence_is_allowed(licence, rules()["licences"]) is allowed


def test_the_stolen_releases_stay_out() -> None:
    forbidden = {
        (entry["name"], version) for entry in rules()["forbidden"] for version in entry["versions"]
    }
    assert {("litellm", "1.82.7"), ("litellm", "1.82.8")} <= forbidden
    for lock in ("requirements.lock", "deploy/requirements.lock"):
        assert forbidden.isdisjoint((n, v) for n, (v, _) in locked(ROOT / lock).items())
    assert forbidden.isdisjoint((package.name, package.version) for package in npm_packages())


def test_every_package_of_the_ui_has_a_digest_and_a_licence() -> None:
    packages = list(npm_packages())
    assert len(packages) > 200
    allowed = rules()["licences"]
    assert [one.name for one in packages if not one.digests] == []
    assert [one.name for one in packages if not licence_is_allowed(one.licence, allowed)] == []


def test_the_bill_of_materials_is_valid_and_whole() -> None:
    text = render(bill(python_packages(), npm_packages(), weights()))
    assert JsonStrictValidator(SCHEMA).validate_str(text) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["name"] == "sovgate"
    parts = {part["bom-ref"]: part for part in document["components"]}
    for name, (version, digests) in locked(ROOT / "deploy" / "requirements.lock").items():
        part = parts[f"pkg:pypi/{name}@{version}"]
        assert part["scope"] == "required"
        files = {entry["value"] for entry in part.get("properties", ())}
        assert files == set(digests) or len(part["hashes"]) == 1
    models = [part for part in parts.values() if part["type"] == "machine-learning-model"]
    assert {"guardrails/weights/moderation.npz", "gateway/routing/weights/router.npz"} <= {
        part["name"] for part in models
    }
    assert all(part["hashes"] and part["licenses"] for part in models)
    known = {*parts, document["metadata"]["component"]["bom-ref"]}
    for entry in document["dependencies"]:
        assert {entry["ref"], *entry.get("dependsOn", ())} <= known
