"""Files that only the gateway's own account may read: secrets, and the folder of its data."""

import os
from pathlib import Path

from gateway.errors import SettingsError

_OTHERS = 0o077


def is_exposed(file: Path) -> bool:
    """Whether the group or everybody has any right to the file."""
    return bool(file.stat().st_mode & _OTHERS)


def private_folder(folder: Path) -> None:
    """Make the folder for this account alone, or see that it is.

    Raises:
        SettingsError: others can enter it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if is_exposed(folder):
        raise SettingsError(
            f"Others can enter data_dir {folder}; run `chmod 700` on it, or name a folder of its"
            " own below it."
        )


def create_private_files() -> None:
    """From now on what this process makes is its account's alone."""
    os.umask(_OTHERS)
