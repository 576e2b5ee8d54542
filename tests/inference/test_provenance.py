"""A signed directory loads; any other byte, file or key does not, and the message names it."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from model_signing import hashing, signing

from inference import errors
from inference.provenance import (
    create_key,
    load_private_key,
    load_public_key,
    sign_directory,
    verify_directory,
)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return create_key(tmp_path / "keys" / "signing.pem")


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    return create_key(tmp_path / "keys" / "stranger.pem")


def public(key: Path) -> Path:
    return key.with_suffix(".pub.pem")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    (directory / "sub").mkdir(parents=True)
    (directory / "config.json").write_text("{}")
    (directory / "model.safetensors").write_bytes(b"weights" * 100)
    (directory / "sub" / "vocab.json").write_text("[]")
    return directory


@pytest.fixture
def signed(plain: Path, key: Path) -> Path:
    sign_directory(plain, key)
    return plain


def statement(directory: Path) -> dict[str, object]:
    bundle = json.loads((directory / "model.sig").read_text())
    return json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))


def test_a_signed_directory_verifies(signed: Path, key: Path) -> None:
    found = verify_directory(signed)
    assert (found.files, found.bytes, found.key_trusted) == (3, 704, False)
    assert verify_directory(signed, public(key)).key_trusted


def test_the_digest_is_that_of_the_statement_and_follows_the_files_only(
    signed: Path, stranger: Path
) -> None:
    before = verify_directory(signed)
    subject = statement(signed)["subject"]
    assert subject == [
        {"name": "model", "digest": {"sha256": before.weights_digest.removeprefix("sha256:")}}
    ]
    again = sign_directory(signed, stranger)
    assert again.weights_digest == before.weights_digest
    assert again.key_id != before.key_id
    (signed / "config.json").write_text("{ }")
    assert sign_directory(signed, stranger).weights_digest != before.weights_digest


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _edit(path: Path, old: str, new: str) -> None:
    """Within the signed statement, leaving its signature."""
    bundle = json.loads(path.read_text())
    envelope = bundle["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"]).decode()
    assert old in payload
    envelope["payload"] = base64.b64encode(payload.replace(old, new).encode()).decode()
    path.write_text(json.dumps(bundle))


def _link(directory: Path) -> None:
    (directory / "sub").rename(directory.parent / "elsewhere")
    (directory / "sub").symlink_to(directory.parent / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "kind", "name"),
    [
        (lambda d: _flip(d / "model.safetensors"), errors.FileChanged, "model.safetensors"),
        (lambda d: (d / "config.json").write_text(""), errors.FileChanged, "config.json"),
        (lambda d: (d / "sub/vocab.json").unlink(), errors.FileMissing, "sub/vocab.json"),
        (lambda d: (d / "more.txt").write_text(""), errors.FileExtra, "more.txt"),
        (lambda d: (d / "sub/model.sig").write_text(""), errors.FileExtra, "sub/model.sig"),
        (lambda d: (d / "a.pkl").write_text(""), errors.UnsafeFile, "a.pkl"),
        (lambda d: (d / "pytorch_model.BIN").write_text(""), errors.UnsafeFile, "BIN"),
        (_link, errors.UnsafeFile, "sub"),
        (lambda d: (d / "model.sig").unlink(), errors.ManifestMissing, "model.sig"),
        (lambda d: (d / "model.sig").write_text("{"), errors.ManifestInvalid, "model.sig"),
        (lambda d: (d / "model.sig").write_text("{}"), errors.ManifestInvalid, "model.sig"),
        (
            lambda d: _edit(d / "model.sig", "signature/v1.0", "signature/v9"),
            errors.ManifestInvalid,
            "model.sig",
        ),
        (
            lambda d: _edit(d / "model.sig", "config.json", "config2.json"),
            errors.SignatureInvalid,
            "model.sig",
        ),
        (lambda d: (d / "model.pub.pem").unlink(), errors.SignatureInvalid, "--trusted-key"),
        (lambda d: (d / "model.pub.pem").write_text(""), errors.SignatureInvalid, "model.pub.pem"),
    ],
)
def test_damage_is_refused_by_name(
    signed: Path, damage: Callable[[Path], object], kind: type[Exception], name: str
) -> None:
    damage(signed)
    with pytest.raises(kind, match=name):
        verify_directory(signed)


def _each_replaced(value: Any, by: Any) -> Iterator[Any]:
    """Copies of a JSON value, each with one of its parts replaced."""
    yield by
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        for other in _each_replaced(value[key], by):
            copy = value.copy()
            copy[key] = other
            yield copy


@pytest.mark.parametrize("by", [None, "", "AAAA", 7, [], {}], ids=repr)
def test_whatever_a_signature_file_holds_is_refused_by_a_code(signed: Path, by: object) -> None:
    path = signed / "model.sig"
    bundle = json.loads(path.read_text())
    for damaged in _each_replaced(bundle, by):
        path.write_text(json.dumps(damaged))
        with suppress(errors.ProvenanceError):  # some parts are not signed, and mean nothing
            verify_directory(signed)
    for damaged in _each_replaced(statement(signed), by):
        payload = json.dumps(damaged).encode()
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
        path.write_text(json.dumps(bundle))
        with pytest.raises(errors.ProvenanceError):
            verify_directory(signed)


def test_another_key_than_the_trusted_one_is_refused(
    signed: Path, key: Path, stranger: Path
) -> None:
    sign_directory(signed, stranger)
    verify_directory(signed)
    with pytest.raises(errors.SignatureInvalid, match="trusted"):
        verify_directory(signed, public(key))
    # A signature of the stranger's that claims to be of the trusted key.
    path = signed / "model.sig"
    bundle = json.loads(path.read_text())
    trusted = sign_directory(signed, key)
    hint = json.loads(path.read_text())["verificationMaterial"]["publicKey"]["hint"]
    assert hint.startswith(trusted.key_id)
    bundle["verificationMaterial"]["publicKey"]["hint"] = hint
    path.write_text(json.dumps(bundle))
    with pytest.raises(errors.SignatureInvalid, match="not over its list"):
        verify_directory(signed, public(key))


def test_unsafe_files_are_not_signed(plain: Path, key: Path) -> None:
    (plain / "weights.pt").write_bytes(b"")
    with pytest.raises(errors.UnsafeFile, match=r"weights\.pt"):
        sign_directory(plain, key)


def test_files_that_are_links_are_what_they_lead_to(plain: Path, key: Path) -> None:
    (plain / "model.safetensors").rename(plain.parent / "blob")
    (plain / "model.safetensors").symlink_to(plain.parent / "blob")
    sign_directory(plain, key)
    verify_directory(plain)
    _flip(plain.parent / "blob")
    with pytest.raises(errors.FileChanged, match=r"model\.safetensors"):
        verify_directory(plain)
    (plain.parent / "blob").unlink()
    with pytest.raises(errors.FileMissing, match=r"model\.safetensors"):
        verify_directory(plain)


def test_keys_are_made_once_and_kept_private(tmp_path: Path, key: Path) -> None:
    before = key.read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    assert create_key(key).read_bytes() == before
    assert load_private_key(key).curve.name == SECP256R1().name
    assert load_public_key(public(key)) == load_private_key(key).public_key()
    with pytest.raises(errors.SignatureInvalid, match=r"signing\.pem"):
        load_public_key(key)
    other = tmp_path / "ed25519.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    other.write_bytes(pem)
    with pytest.raises(errors.SignatureInvalid, match=r"ed25519\.pem"):
        create_key(other)


def model_signing(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The package's own command line, which knows nothing of ours."""
    command = [sys.executable, "-m", "model_signing", *map(str, arguments)]
    environment = {**os.environ, "OTEL_SDK_DISABLED": "true"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_others_verify_what_we_sign(signed: Path, stranger: Path) -> None:
    def verify(key: Path) -> subprocess.CompletedProcess[str]:
        signature = ("--signature", signed / "model.sig")
        return model_signing("verify", "key", signed, *signature, "--public_key", key)

    done = verify(signed / "model.pub.pem")
    assert done.returncode == 0, done.stderr
    assert verify(public(stranger)).returncode != 0
    _flip(signed / "model.safetensors")
    done = verify(signed / "model.pub.pem")
    assert done.returncode != 0
    assert "model.safetensors" in done.stdout + done.stderr


def test_we_verify_what_others_sign(plain: Path, key: Path) -> None:
    (plain / ".gitattributes").write_text("")  # a clone of a hub's repository has one
    target = ("--signature", plain / "model.sig", "--private_key", key)
    done = model_signing("sign", "key", plain, *target)
    assert done.returncode == 0, done.stderr
    found = verify_directory(plain, public(key))
    assert (found.files, found.key_trusted) == (3, True)
    with pytest.raises(errors.SignatureInvalid, match="--trusted-key"):
        verify_directory(plain)
    _flip(plain / "sub" / "vocab.json")
    with pytest.raises(errors.FileChanged, match=r"sub/vocab\.json"):
        verify_directory(plain, public(key))


def sign_as(directory: Path, key: Path, how: hashing.Config) -> None:
    config = signing.Config().use_elliptic_key_signer(private_key=key).set_hashing_config(how)
    config.sign(directory, directory / "model.sig")


def test_what_a_signer_left_out_is_not_loaded(plain: Path, key: Path) -> None:
    sign_as(plain, key, hashing.Config().set_ignored_paths(paths=["model.sig", "config.json"]))
    with pytest.raises(errors.FileExtra, match=r"config\.json"):
        verify_directory(plain, public(key))


@pytest.mark.parametrize(
    "how",
    [
        hashing.Config().use_shard_serialization(shard_size=256),
        hashing.Config().use_file_serialization(hashing_algorithm="blake3"),
    ],
    ids=["shards", "blake3"],
)
def test_shards_and_other_digests_are_checked_too(
    plain: Path, key: Path, how: hashing.Config
) -> None:
    sign_as(plain, key, how.set_ignored_paths(paths=["model.sig"]))
    assert verify_directory(plain, public(key)).files == 3
    _flip(plain / "model.safetensors")
    with pytest.raises(errors.FileChanged, match=r"^model\.safetensors is not"):
        verify_directory(plain, public(key))
    (plain / "model.safetensors").write_bytes(b"short")
    with pytest.raises(errors.FileChanged, match=r"^model\.safetensors is not"):
        verify_directory(plain, public(key))
