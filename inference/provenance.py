"""A checkpoint is what was signed, or it is not loaded.

``manifest.json`` lists every file of the directory with its size and SHA-256
and carries an Ed25519 signature over the canonical JSON of that list. A file
that is wrong, changed, missing or extra is refused by name; so is every file
of a kind that can run code when it is read (pickle). Without a trusted key
the signature proves only that the manifest is whole; with one it proves who
signed. This module knows nothing of tensors.
"""

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.canonical import canonical_json, digest
from inference.errors import (
    FileChanged,
    FileExtra,
    FileMissing,
    ManifestInvalid,
    ManifestMissing,
    SignatureInvalid,
    UnsafeFile,
)

MANIFEST_NAME = "manifest.json"
FORMAT = "sovgate-model-manifest-1"
UNSAFE_SUFFIXES = frozenset(
    {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".py", ".so"}
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was verified: the digest that audit records carry, and who signed."""

    weights_digest: str  # "sha256:..." over the signed list of files
    key_id: str  # first 16 hex digits of SHA-256 over the raw public key
    key_trusted: bool  # True when the caller named the key
    files: int
    bytes: int


def sign_directory(directory: Path, key: Ed25519PrivateKey, *, source: str = "") -> Provenance:
    """Write ``manifest.json`` over every file in ``directory``.

    Raises:
        UnsafeFile: the directory holds a file that could run code.
    """
    names = _file_names(directory)
    _refuse_unsafe(names)
    body = {"format": FORMAT, "source": source, "files": _hash_all(directory, names)}
    public = _raw(key.public_key())
    signature = key.sign(canonical_json(body))
    manifest = {**body, "public_key": _b64(public), "signature": _b64(signature)}
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    (directory / MANIFEST_NAME).write_text(text, encoding="utf-8")
    return _provenance(body, public, trusted=True)


def verify_directory(directory: Path, trusted_key: Ed25519PublicKey | None = None) -> Provenance:
    """Check signature, then every file; nothing of the directory may be loaded before.

    Raises:
        ManifestMissing, ManifestInvalid, SignatureInvalid, UnsafeFile,
        FileMissing, FileExtra, FileChanged: the message names the file.
    """
    names = _file_names(directory)
    _refuse_unsafe(names)
    manifest = _read_manifest(directory)
    body = {name: manifest[name] for name in ("format", "source", "files")}
    public = _check_signature(manifest, body, trusted_key)
    signed: dict[str, Any] = body["files"]
    for name in sorted(signed.keys() - names):
        raise FileMissing(f"{name} is signed in the manifest but not in the checkpoint.")
    for name in sorted(names - signed.keys()):
        raise FileExtra(f"{name} is in the checkpoint but not signed; remove it or sign again.")
    for name, found in _hash_all(directory, names).items():
        if found != signed[name]:
            raise FileChanged(f"{name} is not the file that was signed; fetch it again.")
    return _provenance(body, public, trusted=trusted_key is not None)


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """The private key in ``path`` (PEM), made with mode 0600 if there is none."""
    if path.exists():
        return load_private_key(path)
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(pem)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    path.with_suffix(".pub.pem").write_bytes(public)
    return key


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Raises SignatureInvalid when ``path`` holds no Ed25519 private key."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureInvalid(f"{path.name} holds no readable Ed25519 private key (PEM).")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Raises SignatureInvalid when ``path`` holds no Ed25519 public key."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureInvalid(f"{path.name} holds no readable Ed25519 public key (PEM).")
    return key


def _file_names(directory: Path) -> set[str]:
    if not directory.is_dir():
        raise ManifestMissing(f"{directory.name} is no directory; give the checkpoint's directory.")
    found = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if not p.is_dir()}
    return found - {MANIFEST_NAME}


def _refuse_unsafe(names: set[str]) -> None:
    for name in sorted(names):
        if Path(name).suffix.lower() in UNSAFE_SUFFIXES:
            raise UnsafeFile(
                f"{name} can run code when it is loaded and is refused; "
                "keep weights as safetensors only."
            )


def _read_manifest(directory: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((directory / MANIFEST_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestMissing(
            f"{MANIFEST_NAME} is missing; run `sovgate model sign` on a checkpoint you trust."
        ) from None
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ManifestInvalid(f"{MANIFEST_NAME} is not readable as JSON.") from None
    wanted = {"format": str, "source": str, "files": dict, "public_key": str, "signature": str}
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ManifestInvalid(f"{MANIFEST_NAME} is not of the format {FORMAT}.")
    for field, kind in wanted.items():
        if not isinstance(manifest.get(field), kind):
            raise ManifestInvalid(f"{MANIFEST_NAME} lacks a well-formed {field!r}.")
    return manifest


def _check_signature(
    manifest: dict[str, Any], body: dict[str, Any], trusted: Ed25519PublicKey | None
) -> bytes:
    try:
        public = base64.b64decode(manifest["public_key"], validate=True)
        signature = base64.b64decode(manifest["signature"], validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, canonical_json(body))
    except (InvalidSignature, ValueError, TypeError):
        raise SignatureInvalid(
            f"The signature in {MANIFEST_NAME} does not fit its content."
        ) from None
    if trusted is not None and _raw(trusted) != public:
        raise SignatureInvalid(f"{MANIFEST_NAME} is signed by a key other than the trusted one.")
    return public


def _hash_all(directory: Path, names: set[str]) -> dict[str, dict[str, Any]]:
    with ThreadPoolExecutor(max_workers=2) as pool:  # hashlib releases the GIL
        ordered = sorted(names)
        return dict(
            zip(ordered, pool.map(lambda n: _hash_file(directory / n), ordered), strict=True)
        )


def _hash_file(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        return {"sha256": found, "bytes": file.tell()}


def _provenance(body: dict[str, Any], public: bytes, *, trusted: bool) -> Provenance:
    files: dict[str, dict[str, Any]] = body["files"]
    return Provenance(
        weights_digest=digest(files),
        key_id=hashlib.sha256(public).hexdigest()[:16],
        key_trusted=trusted,
        files=len(files),
        bytes=sum(int(entry["bytes"]) for entry in files.values()),
    )


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
