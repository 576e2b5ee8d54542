"""Which files a checkpoint's directory holds, and which kinds none may hold."""

import os
from pathlib import Path

from inference.errors import ManifestMissing, UnsafeFile

SIGNATURE_NAME = "model.sig"
KEY_NAME = "model.pub.pem"
# What no statement has to list: the signature itself, its key, and what model-signing leaves out
# unless told otherwise. Nothing here reads the latter.
UNLISTED = frozenset({SIGNATURE_NAME, KEY_NAME, ".git", ".gitattributes", ".github", ".gitignore"})
UNSAFE_SUFFIXES = frozenset(
    {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".py", ".so"}
)


def safe_files(directory: Path) -> set[str]:
    """Every file in ``directory`` and below, by relative POSIX path; links to files are files.

    Raises:
        ManifestMissing: there is no such directory.
        UnsafeFile: one can run code when it is loaded, or is a link to a directory, of which
            signers see nothing.
    """
    if not directory.is_dir():
        raise ManifestMissing(f"{directory.name} is no directory; give the checkpoint's directory.")
    names: set[str] = set()
    for folder, folders, files in os.walk(directory):
        here = Path(folder)
        for linked in (name for name in sorted(folders) if (here / name).is_symlink()):
            raise UnsafeFile(f"{linked} is a link to a directory; put the files themselves there.")
        names |= {(here / name).relative_to(directory).as_posix() for name in files}
    for name in sorted(names):
        if Path(name).suffix.lower() in UNSAFE_SUFFIXES:
            raise UnsafeFile(
                f"{name} can run code when it is loaded and is refused; "
                "keep weights as safetensors only."
            )
    return names
