"""Model files: compressed ``.npz`` without pickle, with a JSON header and a digest.

The digest of the file is what the audit record names as the detector's version, so that
every verdict can be traced to exact weights.
"""

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from guardrails.errors import GuardUnavailable
from guardrails.linear.features import FeatureSpec
from guardrails.linear.head import LinearHead

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a file holds: heads by name over one feature spec, and settings such as thresholds.

    ``digest`` is the sha256 of the file's bytes (empty before it is saved).
    """

    name: str
    spec: FeatureSpec
    heads: dict[str, LinearHead]
    settings: dict[str, Any]
    digest: str = ""

    @property
    def version(self) -> str:
        """``name@digest`` with the first 12 hex digits."""
        return f"{self.name}@{self.digest[:12]}"


def save_model(model: ModelFile, path: Path) -> str:
    """Write the file; returns its sha256."""
    arrays: dict[str, Any] = {}
    for name, head in model.heads.items():
        for field in ("weights", "scale", "bias", "dense"):
            arrays[f"{name}.{field}"] = getattr(head, field)
    header = {
        "format": _FORMAT,
        "name": model.name,
        "spec": asdict(model.spec),
        "labels": {name: head.labels for name, head in model.heads.items()},
        "settings": model.settings,
    }
    arrays["header"] = np.frombuffer(json.dumps(header, sort_keys=True).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_model(path: Path, *, digest: str | None = None) -> ModelFile:
    """Read a file, refusing pickles and, where ``digest`` is given, other bytes than those.

    Raises:
        GuardUnavailable: the file is missing, damaged or not the expected one.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise GuardUnavailable(
            f"The classifier weights {path.name} cannot be read; reinstall the package."
        ) from error
    found = hashlib.sha256(raw).hexdigest()
    if digest is not None and found != digest:
        raise GuardUnavailable(
            f"The classifier weights {path.name} differ from the released ones; reinstall them."
        )
    try:
        return _parse(raw, found)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise GuardUnavailable(
            f"The classifier weights {path.name} are damaged; reinstall the package."
        ) from error


def _parse(raw: bytes, digest: str) -> ModelFile:
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        header = json.loads(arrays["header"].tobytes())
        if header["format"] != _FORMAT:
            raise ValueError("unknown format")
        heads = {
            name: LinearHead(
                tuple(labels),
                *(arrays[f"{name}.{field}"] for field in ("weights", "scale", "bias", "dense")),
            )
            for name, labels in header["labels"].items()
        }
    spec: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in header["spec"].items()
    }
    return ModelFile(header["name"], FeatureSpec(**spec), heads, header["settings"], digest)
