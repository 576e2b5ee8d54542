"""What ``model.sig`` says; that it may be believed is for ``verify`` to find out."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import ManifestInvalid, ManifestMissing
from inference.provenance.files import SIGNATURE_NAME

PREDICATE = "https://model_signing/signature/v1.0"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was verified: the digest that audit records carry, and who signed."""

    weights_digest: str  # "sha256:...", by which the signed statement names the model
    key_id: str  # first 16 hex digits of the fingerprint by which the signature names its key
    key_trusted: bool  # True when the caller named the key
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Statement:
    """The in-toto statement's model, and the key that its bundle names."""

    fingerprint: str  # of the signer's public key, see `keys.fingerprint`
    digest: str  # 64 hex digits: SHA-256 over the digests of all resources, in order of names
    serialization: dict[str, Any]  # how files became resources: as they are, or in shards
    resources: dict[str, str]  # a file's name, or NAME:START:END, -> hex digest

    @property
    def files(self) -> set[str]:
        return {self.file_of(resource) for resource in self.resources}

    def file_of(self, resource: str) -> str:
        return resource.rsplit(":", 2)[0] if self.serialization["method"] == "shards" else resource

    def provenance(self, directory: Path, *, trusted: bool) -> Provenance:
        """The files' sizes are read from ``directory``."""
        return Provenance(
            weights_digest=f"sha256:{self.digest}",
            key_id=self.fingerprint[:16],
            key_trusted=trusted,
            files=len(self.files),
            bytes=sum((directory / name).stat().st_size for name in self.files),
        )


def read_statement(directory: Path) -> Statement:
    """Raises ManifestMissing or ManifestInvalid."""
    try:
        text = (directory / SIGNATURE_NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ManifestMissing(
            f"{SIGNATURE_NAME} is missing; run `sovgate model sign` on a checkpoint you trust."
        ) from None
    except (OSError, UnicodeDecodeError):
        raise ManifestInvalid(f"{SIGNATURE_NAME} is not readable.") from None
    try:
        return _parse(json.loads(text))
    except (ValueError, KeyError, TypeError, IndexError):
        raise ManifestInvalid(
            f"{SIGNATURE_NAME} is no bundle of model-signing 1.x made with a key."
        ) from None


def _parse(bundle: dict[str, Any]) -> Statement:
    payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True))
    if payload["predicateType"] != PREDICATE:
        raise ValueError(payload["predicateType"])
    predicate = payload["predicate"]
    statement = Statement(
        fingerprint=str(bundle["verificationMaterial"]["publicKey"]["hint"]),
        digest=str(payload["subject"][0]["digest"]["sha256"]),
        serialization=dict(predicate["serialization"]),
        resources={str(one["name"]): str(one["digest"]) for one in predicate["resources"]},
    )
    if statement.serialization["method"] not in ("files", "shards"):
        raise ValueError(statement.serialization["method"])
    return statement
