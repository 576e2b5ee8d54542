"""Files that only the gateway's own account may read: secrets, and the folder of its data."""

import os
import stat
from pathlib import Path

from gateway.errors import SettingsError

_OTHERS = 0o077
_WRITERS = 0o022


def is_exposed(file: Path) -> bool:
    """Whether the group or everybody has any right to the file."""
    return bool(file.stat().st_mode & _OTHERS)


def private_folder(folder: Path) -> None:
    """Make the folder for this account alone, or see that nobody else can write into it.

    One that was there may be entered by others, as folders mostly are: what the gateway
    makes in it is closed. Who could write there could put other secrets in place.

    Raises:
        SettingsError: others can write there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & _WRITERS and not mode & stat.S_ISVTX:
        raise SettingsError(
            f"Others can write into data_dir {folder}; run `chmod go-w` on it, or name a folder"
            " of its own below it."
        )


def create_private_files() -> None:
    """From now on what this process makes is its account's alone."""
    os.umask(_OTHERS)
