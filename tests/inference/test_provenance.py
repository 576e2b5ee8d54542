"""A signed directory loads; any other byte, file or key does not, and the message names it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inference import errors
from inference.provenance import (
    load_or_create_key,
    load_public_key,
    sign_directory,
    verify_directory,
)


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def signed(tmp_path: Path, key: Ed25519PrivateKey) -> Path:
    directory = tmp_path / "model"
    (directory / "sub").mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    (directory / "model.safetensors").write_bytes(b"weights" * 100)
    (directory / "sub" / "vocab.json").write_text("[]")
    sign_directory(directory, key)
    return directory


def test_a_signed_directory_verifies(signed: Path, key: Ed25519PrivateKey) -> None:
    found = verify_directory(signed)
    assert (found.files, found.key_trusted) == (3, False)
    assert found.weights_digest.startswith("sha256:")
    assert verify_directory(signed, key.public_key()).key_trusted


def test_the_digest_follows_the_files_only(signed: Path) -> None:
    before = verify_directory(signed).weights_digest
    sign_directory(signed, Ed25519PrivateKey.generate())
    assert verify_directory(signed).weights_digest == before
    (signed / "config.json").write_text("{ }")
    sign_directory(signed, Ed25519PrivateKey.generate())
    assert verify_directory(signed).weights_digest != before


def test_signing_twice_gives_the_same_bytes(signed: Path, key: Ed25519PrivateKey) -> None:
    before = (signed / "manifest.json").read_bytes()
    sign_directory(signed, key)
    assert (signed / "manifest.json").read_bytes() == before


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "kind", "name"),
    [
        (lambda d: _flip(d / "model.safetensors"), errors.FileChanged, "model.safetensors"),
        (lambda d: (d / "sub/vocab.json").unlink(), errors.FileMissing, "sub/vocab.json"),
        (lambda d: (d / "more.txt").write_text(""), errors.FileExtra, "more.txt"),
        (lambda d: (d / "a.pkl").write_text(""), errors.UnsafeFile, "a.pkl"),
        (lambda d: (d / "pytorch_model.BIN").write_text(""), errors.UnsafeFile, "BIN"),
        (lambda d: (d / "manifest.json").unlink(), errors.ManifestMissing, "manifest.json"),
        (lambda d: (d / "manifest.json").write_text("{"), errors.ManifestInvalid, "manifest.json"),
        (lambda d: (d / "manifest.json").write_text("{}"), errors.ManifestInvalid, "format"),
    ],
)
def test_damage_is_refused_by_name(
    signed: Path, damage: Callable[[Path], object], kind: type[Exception], name: str
) -> None:
    damage(signed)
    with pytest.raises(kind, match=name):
        verify_directory(signed)


def test_a_changed_list_does_not_fit_the_signature(signed: Path) -> None:
    path = signed / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["config.json"]["bytes"] += 1
    path.write_text(json.dumps(manifest))
    with pytest.raises(errors.SignatureInvalid):
        verify_directory(signed)


def test_another_key_than_the_trusted_one_is_refused(signed: Path) -> None:
    sign_directory(signed, Ed25519PrivateKey.generate())
    trusted = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(errors.SignatureInvalid, match="trusted"):
        verify_directory(signed, trusted)


def test_unsafe_files_are_not_signed(signed: Path, key: Ed25519PrivateKey) -> None:
    (signed / "weights.pt").write_bytes(b"")
    with pytest.raises(errors.UnsafeFile, match=r"weights\.pt"):
        sign_directory(signed, key)


def test_keys_are_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.pem"
    first = load_or_create_key(path)
    assert path.stat().st_mode & 0o077 == 0
    again = load_or_create_key(path)
    assert first.private_bytes_raw() == again.private_bytes_raw()
    public = load_public_key(path.with_suffix(".pub.pem"))
    assert public.public_bytes_raw() == first.public_key().public_bytes_raw()
    with pytest.raises(errors.SignatureInvalid, match=r"signing\.pem"):
        load_public_key(path)
