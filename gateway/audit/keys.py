"""The Ed25519 key that signs checkpoints, and its public half for auditors.

It knows nothing of records. The key's id is the start of the SHA-256 of the
raw public key, so that it can be computed from the key alone. What signs for
longer than a moment holds a ``Signer``, since the key may be rotated meanwhile.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Protocol

import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gateway.audit.errors import SigningKeyUnusable

_log = structlog.get_logger(__name__)
KEY_FILE = "audit-signing-key.pem"
PUBLIC_KEY_FILE = "audit-public-key.pem"


def key_id(public_key: str) -> str:
    """16 hex digits that name a public key (64 hex digits)."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


class Signer(Protocol):
    """Whoever can say which key signs now."""

    def current(self) -> "SigningKey":
        """Raises: SigningKeyUnusable."""
        ...


class SigningKey:
    """Signs; ``public_key`` is the raw key in 64 hex digits."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_key = private.public_key().public_bytes_raw().hex()
        self.key_id = key_id(self.public_key)

    @classmethod
    def load_or_create(cls, file: Path | None, data_dir: Path) -> "SigningKey":
        """The key in ``file``, or the one in ``data_dir``, made (0600) at the first start.

        The public half is written to ``data_dir`` as a PEM file to hand to auditors.

        Raises:
            SigningKeyUnusable: ``file`` is missing, or a file holds no Ed25519 key.
        """
        path = key_path(file, data_dir)
        if file is None and not path.exists():
            create_key(path)
        key = cls(_load_private(path))
        key.write_public(data_dir / PUBLIC_KEY_FILE)
        return key

    @classmethod
    def load(cls, file: Path) -> "SigningKey":
        """Raises: SigningKeyUnusable."""
        return cls(_load_private(file))

    def current(self) -> "SigningKey":
        """This key, whatever happens to its file: it is a ``Signer`` for one task."""
        return self

    def sign(self, message: bytes) -> str:
        """128 hex digits."""
        return self._private.sign(message).hex()

    def write_public(self, file: Path) -> None:
        """Write the public key as PEM, unless the file holds it already."""
        pem = self._private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        if not file.exists() or file.read_bytes() != pem:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pem)


class KeyFile:
    """The deployment's key, read again when its file is another: a rotation needs no restart.

    Raises:
        SigningKeyUnusable: as ``SigningKey.load_or_create``.
    """

    def __init__(self, file: Path | None, data_dir: Path) -> None:
        self._configured = file
        self._data_dir = data_dir
        self._key = SigningKey.load_or_create(file, data_dir)
        self._seen = self._identity()

    def current(self) -> SigningKey:
        """The key in the file now; the last one while the file cannot be read."""
        try:
            if (seen := self._identity()) != self._seen:
                self._key = SigningKey.load_or_create(self._configured, self._data_dir)
                self._seen = seen
        except (OSError, SigningKeyUnusable):
            _log.warning("audit.signing_key_unreadable", key_id=self._key.key_id)
        return self._key

    def _identity(self) -> tuple[int, int, int]:
        found = key_path(self._configured, self._data_dir).stat()
        return found.st_ino, found.st_mtime_ns, found.st_size


def key_path(file: Path | None, data_dir: Path) -> Path:
    """Where the signing key lies."""
    return data_dir / KEY_FILE if file is None else file


def load_public_key(file: Path) -> str:
    """The public key (64 hex digits) in a PEM file, or in a file with the hex digits.

    Raises:
        SigningKeyUnusable
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SigningKeyUnusable(f"{file} cannot be read: {error.strerror}.") from error
    text = content.strip()
    try:
        if len(text) == 64:
            return bytes.fromhex(text.decode()).hex()
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise SigningKeyUnusable(f"{file} holds no Ed25519 public key in PEM.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SigningKeyUnusable(f"{file} holds another kind of key; Ed25519 is needed.")
    return key.public_bytes_raw().hex()


def signature_holds(public_key: str, message: bytes, signature: str) -> bool:
    """Whether ``signature`` (exactly 128 lower-case hex digits) is the key's over ``message``."""
    try:
        key, raw = bytes.fromhex(public_key), bytes.fromhex(signature)
        if key.hex() != public_key or raw.hex() != signature:
            return False  # another spelling of the same bytes is an edit all the same
        Ed25519PublicKey.from_public_bytes(key).verify(raw, message)
    except (ValueError, InvalidSignature):
        return False
    return True


def create_key(file: Path) -> None:
    """Make a key so that of several processes starting together exactly one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, pem)
        os.fsync(descriptor)
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        os.close(descriptor)
        draft.unlink()


def _load_private(file: Path) -> Ed25519PrivateKey:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SigningKeyUnusable(
            f"The audit signing key {file} cannot be read: {error.strerror}. "
            "Put the key there, or set audit.signing_key_file to null to have one made."
        ) from error
    if file.stat().st_mode & 0o077:
        raise SigningKeyUnusable(
            f"The audit signing key {file} can be read by others; run `chmod 600` on it."
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningKeyUnusable(f"{file} holds no unencrypted private key in PEM.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyUnusable(f"{file} holds another kind of key; Ed25519 is needed.")
    return key
