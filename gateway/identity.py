"""What a deployment and a process are known by: the pepper and the process slot."""

import fcntl
import hashlib
import os
import secrets
from io import FileIO
from pathlib import Path

from gateway.errors import SettingsError
from gateway.private import is_exposed, private_folder
from gateway.settings import Settings

_PEPPER_BYTES = 32


def load_pepper(settings: Settings) -> bytes:
    """The secret of all keyed hashes, made (0600) at the first start where none is named.

    Raises:
        SettingsError: the named file is missing, too short, or open to others.
    """
    named = settings.security.pepper_file
    file = named or settings.data_dir / "pepper"
    if named is None and not file.exists():
        private_folder(settings.data_dir)
        _create_secret(file)
    try:
        pepper = file.read_bytes().strip()
    except OSError as error:
        raise SettingsError(
            f"security.pepper_file {file} cannot be read: {error.strerror}."
        ) from None
    if is_exposed(file):
        raise SettingsError(f"{file} can be read by others; run `chmod 600` on it.")
    if len(pepper) < _PEPPER_BYTES:
        raise SettingsError(f"{file} must hold at least {_PEPPER_BYTES} bytes of secret.")
    return pepper


def _create_secret(file: Path) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(secrets.token_hex(_PEPPER_BYTES))
    try:
        os.link(draft, file)  # two processes that start together keep one secret
    except FileExistsError:
        pass
    finally:
        draft.unlink()


class ProcessSlot:
    """A number that no other live process of this data directory has.

    A process that starts again after a crash gets the lowest free number, so
    that it takes over what its predecessor had leased. Held until ``release``.
    """

    def __init__(self, data_dir: Path) -> None:
        folder = data_dir / "slots"
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self.number = 0
        while (lock := _try_lock(folder / str(self.number))) is None:
            self.number += 1
        self._lock = lock

    def holder_id(self, pepper: bytes) -> str:
        """Names this process over its restarts, and the machine's data directory with it.

        Replicas on one machine may share a pepper: the folder tells them apart.
        """
        digest = _folder_digest(pepper, self._folder)
        return f"{digest}-{os.uname().nodename}-{self.number}"

    def release(self) -> None:
        self._lock.close()


def _folder_digest(secret: bytes, folder: Path) -> str:
    """Eight hex digits that tell deployments and their folders apart and give nothing away."""
    key = hashlib.blake2b(secret, digest_size=32).digest()
    named = hashlib.blake2b(os.fsencode(folder), key=key, digest_size=4, person=b"sovgate")
    return named.hexdigest()


def _try_lock(path: Path) -> FileIO | None:
    handle = open(path, "ab", buffering=0)  # noqa: SIM115 - held for the life of the process
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle
