"""A checkpoint is what was signed, or it is not loaded.

``model.sig`` is a signature of OpenSSF's model signing (package ``model-signing``): a sigstore
bundle around an in-toto statement that lists every file of the directory with its digest, signed
with an elliptic-curve key, offline. A file that is wrong, changed, missing or extra is refused by
name; so is every file of a kind that can run code when it is read (pickle). ``model.pub.pem`` is
the signer's public key: by it the signature proves only that the checkpoint is whole, by a key
that the caller pins it proves who signed. This package knows nothing of tensors.
"""

from inference.provenance.files import KEY_NAME, SIGNATURE_NAME
from inference.provenance.keys import create_key, load_private_key, load_public_key
from inference.provenance.sign import sign_directory
from inference.provenance.statement import Provenance
from inference.provenance.verify import verify_directory

__all__ = [
    "KEY_NAME",
    "SIGNATURE_NAME",
    "Provenance",
    "create_key",
    "load_private_key",
    "load_public_key",
    "sign_directory",
    "verify_directory",
]
