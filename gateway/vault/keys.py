"""Keys wrapped by keys: master -> tenant -> subject -> entry. AES-256-GCM throughout.

Each sealed text is bound to its tenant and place by its additional data, so that a row cannot
be moved. Destroying a key destroys everything under it, in old copies of the database too: that
is why the master key is not in the database, and is changed whenever something is erased.

    master key file   one key a line, 64 hex digits, the first one seals; made 0600
    tenant            ``wrapping`` (of subjects' keys) and ``naming`` (of keyed digests)
    subject           one key per value
"""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.private import is_exposed
from gateway.vault.errors import VaultKeyUnusable

KEY_FILE = "vault-master-key"
KEY_BYTES = 32
_NONCE_BYTES = 12


def seal(key: bytes, plain: bytes, *place: str) -> bytes:
    """Nonce and ciphertext; ``place`` must be the same when it is opened."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, _additional(place))


def open_sealed(key: bytes, sealed: bytes, *place: str) -> bytes:
    """Raises ``InvalidTag`` for another key, another place or a changed text."""
    nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    if len(text) < _NONCE_BYTES:
        raise InvalidTag
    return AESGCM(key).decrypt(nonce, text, _additional(place))


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def _additional(place: tuple[str, ...]) -> bytes:
    return "\0".join(("sovgate-vault-1", *place)).encode()


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """A tenant's two keys.

    Args:
        wrapping: seals subjects' keys; changed when a subject is erased.
        naming: names values and messages; lost only with the whole tenant.
        generation: changes with the keys.
    """

    tenant: str
    wrapping: bytes = field(repr=False)
    naming: bytes = field(repr=False)
    generation: str

    @classmethod
    def new(cls, tenant: str) -> "TenantKeys":
        return cls(tenant, new_key(), new_key(), secrets.token_hex(16))

    def rewrapped(self) -> "TenantKeys":
        """The same names under another wrapping key."""
        return TenantKeys(self.tenant, new_key(), self.naming, secrets.token_hex(16))

    def digest(self, purpose: str, *parts: str) -> bytes:
        """32 bytes, keyed by the tenant."""
        text = "\0".join((purpose, *parts)).encode("utf-8", "surrogatepass")
        return hmac.digest(self.naming, text, hashlib.sha256)

    def subject(self, value: str) -> str:
        """Names a value, whatever its case and spacing."""
        return self.digest("subject", " ".join(value.casefold().split())).hex()

    def wrap(self, subject: str, key: bytes) -> bytes:
        return seal(self.wrapping, key, "subject", self.tenant, subject)

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """Raises ``InvalidTag`` for a key that another wrapping key sealed."""
        return open_sealed(self.wrapping, wrapped, "subject", self.tenant, subject)


def wrap_data_key(keys: TenantKeys, key_id: str, plain: bytes) -> bytes:
    """A key of bodies under the tenant's wrapping key."""
    return keys.wrap(f"data-key:{key_id}", plain)


def unwrap_data_key(keys: TenantKeys, key_id: str, wrapped: bytes) -> bytes:
    """Raises ``InvalidTag`` for a key that another wrapping key sealed."""
    return keys.unwrap(f"data-key:{key_id}", wrapped)


def rewrap_data_key(old: TenantKeys, new: TenantKeys, key_id: str, wrapped: bytes) -> bytes:
    """Under other keys of the tenant; what did not open before does not afterwards."""
    try:
        return wrap_data_key(new, key_id, unwrap_data_key(old, key_id, wrapped))
    except InvalidTag:
        return wrapped


class MasterKeys:
    """The keys over all tenants' keys; the first one seals, the others open old rows.

    Args:
        file: where they stand; ``None`` for keys that were given and cannot be changed here.
    """

    def __init__(self, keys: list[bytes], file: Path | None) -> None:
        self._keys = keys
        self._file = file

    @classmethod
    def load(cls, file: Path | None, variable: str | None, data_dir: Path) -> "MasterKeys":
        """From the environment variable, else from ``file``, else from ``data_dir``, where the
        file is made at the first start.

        Raises:
            VaultKeyUnusable: it is missing or holds no keys.
        """
        if variable is not None:
            return cls(_parse(os.environ.get(variable, ""), f"variable {variable}"), None)
        chosen = file or data_dir / KEY_FILE
        if file is None and not chosen.exists():
            _create(chosen)
        return cls(_read(chosen), chosen)

    @property
    def can_rotate(self) -> bool:
        return self._file is not None

    def wrap(self, keys: TenantKeys) -> bytes:
        plain = keys.wrapping + keys.naming
        return seal(self._keys[0], plain, "tenant", keys.tenant, keys.generation)

    def unwrap(self, tenant: str, generation: str, wrapped: bytes) -> TenantKeys:
        """Raises ``VaultKeyUnusable`` if none of the keys opens it, read again from the file."""
        plain = self._open(tenant, generation, wrapped)
        if plain is None and self._file is not None:
            self.refresh()
            plain = self._open(tenant, generation, wrapped)
        if plain is None:
            raise VaultKeyUnusable(
                f"None of the vault's master keys opens the keys of tenant {tenant}; restore the"
                " file, or erase the tenant's vault.",
                tenant=tenant,
            )
        return TenantKeys(tenant, plain[:KEY_BYTES], plain[KEY_BYTES:], generation)

    def refresh(self) -> None:
        """Read the file again: another process may have changed it."""
        if self._file is not None:
            self._keys = _read(self._file)

    def begin_rotation(self) -> None:
        """A new key first; the old ones stay until ``finish_rotation``."""
        if self._file is not None:
            self._keys = [new_key(), *_read(self._file)]
            _write(self._file, self._keys)

    def finish_rotation(self) -> None:
        """Destroy the old keys: once every tenant is wrapped by the new one."""
        if self._file is not None:
            self._keys = self._keys[:1]
            _write(self._file, self._keys)

    def _open(self, tenant: str, generation: str, wrapped: bytes) -> bytes | None:
        for key in self._keys:
            try:
                return open_sealed(key, wrapped, "tenant", tenant, generation)
            except InvalidTag:
                continue
        return None


def _parse(text: str, where: str) -> list[bytes]:
    try:
        keys = [bytes.fromhex(line) for line in text.split()]
    except ValueError:
        keys = []
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise VaultKeyUnusable(f"The vault's master key ({where}) must be 64 hex digits a line.")
    return keys


def _read(file: Path) -> list[bytes]:
    try:
        if is_exposed(file):
            raise VaultKeyUnusable(
                f"The vault's master key file {file} can be read by others; run `chmod 600` on it."
            )
        return _parse(file.read_text("ascii"), f"file {file}")
    except (OSError, UnicodeDecodeError):
        raise VaultKeyUnusable(f"The vault's master key file {file} cannot be read.") from None


def _create(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(file, [new_key()])
    try:
        os.link(draft, file)  # two processes that start together keep one key
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _write(file: Path, keys: list[bytes]) -> None:
    _draft(file, keys).replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _draft(file: Path, keys: list[bytes]) -> Path:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write("".join(f"{key.hex()}\n" for key in keys))
        out.flush()
        os.fsync(out.fileno())
    return draft
