"""Signs what a directory holds."""

from pathlib import Path

from model_signing import hashing, signing

from inference.provenance.files import KEY_NAME, SIGNATURE_NAME, safe_files
from inference.provenance.keys import load_private_key, public_pem
from inference.provenance.statement import Provenance, read_statement


def sign_directory(directory: Path, key: Path) -> Provenance:
    """Write ``model.sig`` over every file in ``directory``, and the public key beside it.

    Args:
        key: PEM file of the private key.
    Raises:
        ManifestMissing: there is no such directory.
        UnsafeFile: the directory holds a file that could run code.
        SignatureInvalid: ``key`` holds no key that signs checkpoints.
    """
    safe_files(directory)
    public = load_private_key(key).public_key()
    listed = hashing.Config().set_ignored_paths(paths=[SIGNATURE_NAME, KEY_NAME])
    listed.set_allow_symlinks(True)
    config = signing.Config().use_elliptic_key_signer(private_key=key)
    config.set_hashing_config(listed).sign(directory, directory / SIGNATURE_NAME)
    (directory / KEY_NAME).write_bytes(public_pem(public))
    return read_statement(directory).provenance(directory, trusted=True)
