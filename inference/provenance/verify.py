"""Checks that a directory is what its signature says.

The package ``model-signing`` checks signature and digests; it tells what is wrong in one sentence
for people. The names and codes of refusals are made here, within its hashing.
"""

from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from model_signing import hashing, manifest, verifying

from inference.errors import (
    FileChanged,
    FileExtra,
    FileMissing,
    ManifestInvalid,
    SignatureInvalid,
)
from inference.provenance.files import KEY_NAME, SIGNATURE_NAME, UNLISTED, safe_files
from inference.provenance.keys import fingerprint, load_public_key
from inference.provenance.statement import Provenance, Statement, read_statement


def verify_directory(directory: Path, trusted_key: Path | None = None) -> Provenance:
    """Check signature, then every file; nothing of the directory may be loaded before.

    Args:
        trusted_key: PEM file of the public key that must have signed; None: the key that lies
            in the directory, by which the checkpoint is whole and its signer is not known.
    Raises:
        ManifestMissing, ManifestInvalid, SignatureInvalid, UnsafeFile,
        FileMissing, FileExtra, FileChanged: the message names the file.
    """
    present = safe_files(directory)
    statement = read_statement(directory)
    key = trusted_key or directory / KEY_NAME
    _check_key(statement, key, trusted=trusted_key is not None)
    config = verifying.Config().use_elliptic_key_verifier(public_key=key)
    try:
        config.set_hashing_config(_Listed(statement, present))
        config.verify(directory, directory / SIGNATURE_NAME)
    except InvalidSignature:
        raise SignatureInvalid(f"The signature in {SIGNATURE_NAME} is not over its list.") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ManifestInvalid(f"{SIGNATURE_NAME} contradicts itself: {error}") from None
    return statement.provenance(directory, trusted=trusted_key is not None)


def _check_key(statement: Statement, key: Path, *, trusted: bool) -> None:
    if not trusted and not key.exists():
        raise SignatureInvalid(
            f"{KEY_NAME}, the signer's public key, is missing; name it with --trusted-key."
        )
    if fingerprint(load_public_key(key)) != statement.fingerprint:
        whose = "the trusted one" if trusted else f"that in {KEY_NAME}"
        raise SignatureInvalid(f"{SIGNATURE_NAME} is signed by a key other than {whose}.")


class _Listed(hashing.Config):
    """Hashes files that a statement lists, as it lists them; refuses by name what differs.

    It runs when the signature was found good. What the statement leaves out is no exception here:
    a signer may not leave out what is loaded later.
    """

    def __init__(self, statement: Statement, present: set[str]) -> None:
        super().__init__()
        self._statement, self._present = statement, present
        how = statement.serialization
        if how["method"] == "shards":
            size = int(how["shard_size"])  # a float after its way through JSON
            self.use_shard_serialization(hashing_algorithm=how["hash_type"], shard_size=size)
        else:
            self.use_file_serialization(hashing_algorithm=how["hash_type"])
        self.set_allow_symlinks(True)  # what they lead to is hashed

    def add_ignored_paths(
        self, *, model_path: hashing.PathLike, paths: Iterable[hashing.PathLike]
    ) -> None:
        pass

    def hash(
        self,
        model_path: hashing.PathLike,
        *,
        files_to_hash: Iterable[hashing.PathLike] | None = None,
    ) -> manifest.Manifest:
        directory = Path(str(model_path))
        self._compare_names(directory)
        found = super().hash(
            directory, files_to_hash=[directory / name for name in sorted(self._statement.files)]
        )
        self._compare_digests(found)
        return found

    def _compare_names(self, directory: Path) -> None:
        listed = self._statement.files
        for name in sorted(listed):
            if name not in self._present or not (directory / name).is_file():
                raise FileMissing(f"{name} is signed but not in the checkpoint; fetch it again.")
        for name in sorted(self._present - listed):
            if name.split("/")[0] not in UNLISTED:
                raise FileExtra(
                    f"{name} is in the checkpoint but not signed; remove it or sign again."
                )

    def _compare_digests(self, found: manifest.Manifest) -> None:
        digests = {one.identifier: one.digest.digest_hex for one in found.resource_descriptors()}
        signed = self._statement.resources
        for resource in sorted(signed.keys() | digests.keys()):
            if signed.get(resource) != digests.get(resource):
                name = self._statement.file_of(resource)
                raise FileChanged(f"{name} is not the file that was signed; fetch it again.")
