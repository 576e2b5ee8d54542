"""The keys that sign: elliptic-curve ones, in PEM files."""

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from inference.errors import SignatureInvalid

CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})  # those that model-signing takes


def create_key(path: Path) -> Path:
    """``path``: a new P-256 key with mode 0600, its public half beside it; or what is there.

    Raises:
        SignatureInvalid: what is there is no key that signs checkpoints.
    """
    if path.exists():
        load_private_key(path)
        return path
    key = generate_private_key(SECP256R1())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.with_suffix(".pub.pem").write_bytes(public_pem(key.public_key()))
    return path


def load_private_key(path: Path) -> EllipticCurvePrivateKey:
    """Raises SignatureInvalid when ``path`` holds no private key that signs checkpoints."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise SignatureInvalid(
            f"{path.name} holds no readable elliptic-curve private key (PEM, P-256)."
        )
    return key


def load_public_key(path: Path) -> EllipticCurvePublicKey:
    """Raises SignatureInvalid when ``path`` holds no public key that signs checkpoints."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise SignatureInvalid(
            f"{path.name} holds no readable elliptic-curve public key (PEM, P-256)."
        )
    return key


def public_pem(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: EllipticCurvePublicKey) -> str:
    """64 hex digits, by which a signature names its key."""
    return hashlib.sha256(public_pem(key)).hexdigest()
