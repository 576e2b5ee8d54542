"""The signature of an evidence pack, and the bytes that it stands for.

A pack is one canonical JSON object; all but ``signature`` is signed, with the key that signs
checkpoints.
"""

from pathlib import Path
from typing import Any

from core.canonical import canonical_json
from gateway.audit.encoding import decode
from gateway.audit.keys import SigningKey, key_id, signature_holds
from gateway.evidence.errors import InvalidEvidence

_MEMBERS = {"key_id", "public_key", "signature"}


def sign_pack(pack: dict[str, Any], key: SigningKey) -> dict[str, Any]:
    """The pack with its signature."""
    signer = {"key_id": key.key_id, "public_key": key.public_key}
    signature = key.sign(canonical_json({**pack, "signature": signer}))
    return {**pack, "signature": {**signer, "signature": signature}}


def pack_bytes(signed: dict[str, Any]) -> bytes:
    """As it is written to a file: canonical JSON and a line feed."""
    return canonical_json(signed) + b"\n"


def check_pack(file: Path, public_key: str | None = None) -> dict[str, Any]:
    """Read a pack whose signature holds.

    Args:
        public_key: 64 hex digits; None accepts the one in the file: ask whose it is.

    Raises:
        InvalidEvidence: it is no pack, was changed, or is signed by another key.
        OSError: the file cannot be read.
    """
    content = file.read_bytes()
    try:
        signed = decode(content)
        given = signed["signature"]
        signer = {name: given[name] for name in ("key_id", "public_key")}
        canonical = pack_bytes(signed) == content and set(given) == _MEMBERS
        named = key_id(signer["public_key"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidEvidence(f"{file} is no evidence pack in JSON.") from None
    message = canonical_json({**signed, "signature": signer})
    holds = signature_holds(signer["public_key"], message, given["signature"])
    if not canonical or not holds or named != signer["key_id"]:
        raise InvalidEvidence(f"The signature of {file} does not hold: it was changed.")
    if public_key is not None and signer["public_key"] != public_key:
        raise InvalidEvidence(f"{file} is signed by key {named}, not by the given one.")
    return signed
