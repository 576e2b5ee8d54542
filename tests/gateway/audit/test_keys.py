import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.audit import SigningKey, SigningKeyUnusable
from gateway.audit.keys import (
    KEY_FILE,
    PUBLIC_KEY_FILE,
    key_id,
    load_public_key,
    signature_holds,
)


def test_a_key_is_made_once_for_the_owner_only(tmp_path: Path) -> None:
    first = SigningKey.load_or_create(None, tmp_path / "data")
    file = tmp_path / "data" / KEY_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert SigningKey.load_or_create(None, tmp_path / "data").public_key == first.public_key
    assert load_public_key(tmp_path / "data" / PUBLIC_KEY_FILE) == first.public_key
    assert first.key_id == key_id(first.public_key)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted(
        [KEY_FILE, PUBLIC_KEY_FILE]
    )


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: SigningKey.load_or_create(None, tmp_path), range(16)))
    assert len({key.public_key for key in keys}) == 1


def test_a_given_key_file_is_used(tmp_path: Path) -> None:
    made = SigningKey.load_or_create(None, tmp_path / "a")
    given = SigningKey.load_or_create(tmp_path / "a" / KEY_FILE, tmp_path / "b")
    assert given.public_key == made.public_key
    assert load_public_key(tmp_path / "b" / PUBLIC_KEY_FILE) == made.public_key
    assert not (tmp_path / "b" / KEY_FILE).exists()


def _elliptic(_: Path) -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


@pytest.mark.parametrize(
    "content",
    [None, b"", b"garbage", _elliptic],
    ids=["missing", "empty", "garbage", "elliptic"],
)
def test_an_unusable_key_stops_the_start(tmp_path: Path, content: object) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content(file) if callable(content) else content)  # type: ignore[arg-type]
        file.chmod(0o600)
    with pytest.raises(SigningKeyUnusable) as caught:
        SigningKey.load_or_create(file, tmp_path)
    assert str(file) in caught.value.message
    with pytest.raises(SigningKeyUnusable):
        load_public_key(file)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    SigningKey.load_or_create(None, tmp_path)
    os.chmod(tmp_path / KEY_FILE, 0o644)
    with pytest.raises(SigningKeyUnusable, match="chmod 600"):
        SigningKey.load_or_create(None, tmp_path)


def test_signatures(tmp_path: Path) -> None:
    key = SigningKey.load_or_create(None, tmp_path)
    other = SigningKey.load_or_create(None, tmp_path / "other")
    signature = key.sign(b"message")
    assert signature_holds(key.public_key, b"message", signature)
    assert not signature_holds(key.public_key, b"massage", signature)
    assert not signature_holds(other.public_key, b"message", signature)
    assert not signature_holds(key.public_key, b"message", "no hex")
    assert not signature_holds("00", b"message", signature)


def test_a_public_key_may_be_given_as_hex(tmp_path: Path) -> None:
    key = SigningKey.load_or_create(None, tmp_path)
    (tmp_path / "key.hex").write_text(key.public_key.upper() + "\n")
    assert load_public_key(tmp_path / "key.hex") == key.public_key
