"""``make audit``: what is installed is what was locked, allowed, and not known to be bad.

Where PyPI can be reached, pip-audit asks it for known vulnerabilities. Elsewhere only what this
repository says itself is checked. The last line says which of the two ran.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing

from supply_chain.inventory import LOCK, Package, locked, npm_packages, python_packages, rules

_PROBE_S = 30
_AUDIT_S = 300


def findings(packages: list[Package], lock: dict[str, Any], allowed: dict[str, Any]) -> list[str]:
    """One sentence for each thing that must not be."""
    found = []
    for package in packages:
        where = f"{package.ecosystem} {package.name} {package.version}"
        found += [f"{where}: {problem}." for problem in _problems(package, lock, allowed)]
    return found


def _problems(package: Package, lock: dict[str, Any], allowed: dict[str, Any]) -> Iterator[str]:
    apart = package.ecosystem == "pypi" and package.name in allowed["apart"]
    for entry in allowed["forbidden"]:
        same = (entry["ecosystem"], entry["name"]) == (package.ecosystem, package.name)
        if same and package.version in entry["versions"]:
            yield f"this release is forbidden ({entry['reason']})"
    if not apart and package.ecosystem == "pypi":
        version = lock.get(package.name, (None,))[0]
        if version != package.version:
            yield f"the lock says {version or 'nothing'}"
    if not apart and not package.digests:
        yield "the lock has no digest of it"
    if package.name != "sovgate" and not licence_is_allowed(package.licence, allowed["licences"]):
        yield f"its licence is not allowed ({package.licence or 'none named'})"


def licence_is_allowed(licence: str | None, allowed: list[str]) -> bool:
    """Whether one may choose allowed licences only. ``A AND B`` needs both, ``A OR B`` one."""
    if not licence:
        return False
    spdx = _spdx()
    try:
        expression = spdx.parse(licence, validate=True)
    except ExpressionError:
        return False
    return bool(expression is not None and _holds(spdx, expression, set(allowed)))


@cache
def _spdx() -> Any:
    return get_spdx_licensing()  # takes a moment to make


def _holds(spdx: Any, node: Any, allowed: set[str]) -> bool:
    if isinstance(node, spdx.OR):
        return any(_holds(spdx, part, allowed) for part in node.args)
    if isinstance(node, spdx.AND):
        return all(_holds(spdx, part, allowed) for part in node.args)
    return str(node) in allowed


def advisories_answer() -> bool:
    """Whether PyPI's advisories can be asked from here: some mirrors serve files alone."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.txt"
        probe.write_text(f"pyyaml=={locked()['pyyaml'][0]}\n")
        try:
            return "skip_reason" not in _pip_audit(probe, _PROBE_S)[0]
        except (NoAnswer, subprocess.TimeoutExpired):
            return False


def vulnerabilities() -> list[str]:
    """What PyPI's advisories say of the locked versions."""
    return [
        f"pypi {one['name']} {one['version']}: {flaw['id']}, mended in {flaw['fix_versions']}."
        for one in _pip_audit(LOCK)
        for flaw in one.get("vulns", ())
    ]


class NoAnswer(Exception):
    """pip-audit could not ask; holds what it says."""


def _pip_audit(requirements: Path, timeout_s: float = _AUDIT_S) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps"]
    command += ["--disable-pip", "--timeout", "10", "--progress-spinner", "off", "--format", "json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    try:
        return json.loads(result.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        raise NoAnswer(result.stderr[-2000:]) from None


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    python, npm = list(python_packages()), list(npm_packages())
    found = findings(python + npm, locked(), rules())
    online = advisories_answer()
    if online:
        try:
            found += vulnerabilities()
        except NoAnswer as error:
            raise SystemExit(f"audit: pip-audit failed:\n{error}") from None
    for line in found:
        print(f"audit: {line}")
    asked = "asked PyPI's advisories and" if online else "no advisories from here; asked"
    print(
        f"audit: {asked} this repository's own rules; {len(python)} distributions and"
        f" {len(npm)} npm packages, {len(found)} findings"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
