"""Evidence that a checkpoint was known outside the reach of whoever signs: its form and proof.

One canonical JSON line for each checkpoint and anchor. ``file`` lines prove as much
as the place where they lie, such as a WORM store; ``rfc3161`` lines carry a token of
a time-stamping authority; ``witness`` lines are signed by a second party.
It knows nothing of networks or databases.
"""

import base64
import binascii
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from core.clock import isoformat
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.encoding import decode, encode_canonical
from gateway.audit.errors import AnchorFailed, InvalidRecord
from gateway.audit.keys import SigningKey, signature_holds

TYPE = "sovgate.audit.anchor.v1"
_COMMON = frozenset({"type", "anchor", "kind", "time", "checkpoint"})
_MEMBERS = {
    "file": _COMMON,
    "rfc3161": _COMMON | {"token"},
    "witness": _COMMON | {"public_key", "signature"},
}


@dataclass(frozen=True, slots=True)
class Anchor:
    """One checkpoint that one anchor has seen."""

    name: str
    kind: str
    time: str
    checkpoint: Checkpoint


@dataclass(slots=True)
class AnchorBook:
    """The anchors of a file, by tenant and number of the record.

    Attributes:
        forged: (line, why) of evidence that does not hold.
        unreadable: lines that are no evidence, such as one that a crash has torn.
    """

    anchors: dict[str, dict[int, list[Anchor]]] = field(default_factory=dict)
    forged: list[tuple[int, str]] = field(default_factory=list)
    unreadable: int = 0

    def add(self, anchor: Anchor) -> None:
        """Note one."""
        of_tenant = self.anchors.setdefault(anchor.checkpoint.tenant, {})
        of_tenant.setdefault(anchor.checkpoint.last_seq, []).append(anchor)


@dataclass(frozen=True, slots=True)
class Judges:
    """Whom a verifier trusts: certificates of time-stamping authorities, keys of witnesses."""

    tsa_roots: Path | None = None
    witnesses: Collection[str] = ()


def file_line(name: str, checkpoint: Checkpoint, time: str) -> bytes:
    """The line of a ``file`` anchor."""
    return _line({"anchor": name, "kind": "file", "time": time}, checkpoint)


def token_line(name: str, checkpoint: Checkpoint, token: bytes) -> bytes:
    """The line of an ``rfc3161`` anchor; ``token`` is the authority's whole answer (DER)."""
    members = {"anchor": name, "kind": "rfc3161", "time": token_time(token)}
    return _line(members | {"token": base64.b64encode(token).decode()}, checkpoint)


def witness_line(name: str, checkpoint: Checkpoint, time: str, key: SigningKey) -> bytes:
    """The line of a ``witness`` anchor: its key signs all other members."""
    members = {"anchor": name, "kind": "witness", "time": time, "public_key": key.public_key}
    signature = key.sign(_line(members, checkpoint)[:-1])
    return _line(members | {"signature": signature}, checkpoint)


def stamped_message(checkpoint: Checkpoint) -> bytes:
    """What an authority stamps (its SHA-256): the checkpoint with its signature."""
    return encode_canonical(checkpoint.to_dict())


def token_time(token: bytes) -> str:
    """When an authority says that it stamped.

    Raises:
        AnchorFailed: this is no granted answer to a time-stamp request.
    """
    from rfc3161_client import decode_timestamp_response

    try:
        return isoformat(decode_timestamp_response(token).tst_info.gen_time)
    except ValueError as error:
        raise AnchorFailed("The authority's answer holds no time-stamp token in DER.") from error


def check_token(token: bytes, checkpoint: Checkpoint, roots: Path) -> None:
    """Raises: AnchorFailed, unless an authority below ``roots`` (PEM) stamped the checkpoint."""
    from cryptography.x509 import load_pem_x509_certificates
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        certificates = load_pem_x509_certificates(roots.read_bytes())
    except (OSError, ValueError) as error:
        raise AnchorFailed(f"{roots} holds no certificates in PEM.") from error
    try:
        verifier = VerifierBuilder(roots=certificates).build()
        verifier.verify_message(decode_timestamp_response(token), stamped_message(checkpoint))
    except (VerificationError, ValueError) as error:
        raise AnchorFailed(f"The time-stamp does not hold: {error}.") from error


def read_anchor(line: bytes | str, judges: Judges) -> Anchor:
    """One line of evidence, checked.

    Raises:
        InvalidRecord: it is no evidence.
        AnchorFailed: it does not hold, or there is nobody to judge it.
    """
    try:
        members = decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRecord("A line of evidence is a JSON object.") from None
    kind = members.get("kind") if isinstance(members, dict) else None
    if not isinstance(kind, str) or kind not in _MEMBERS or members.get("type") != TYPE:
        raise InvalidRecord(f"A line of evidence is an object of type {TYPE}.")
    checkpoint = Checkpoint.from_dict(members.get("checkpoint"))
    texts = all(type(members[name]) is str for name in members if name != "checkpoint")
    if set(members) != _MEMBERS[kind] or not texts:
        raise InvalidRecord("A line of evidence has a member too many, too few or of another type.")
    if not checkpoint.holds():
        raise AnchorFailed("The signature of the anchored checkpoint does not hold.")
    if kind == "rfc3161":
        _judge_token(members, checkpoint, judges)
    elif kind == "witness":
        _judge_witness(members, judges)
    return Anchor(members["anchor"], kind, members["time"], checkpoint)


def read_anchors(path: Path, judges: Judges) -> AnchorBook:
    """All lines of a file.

    Raises:
        OSError
        AnchorFailed: a line needs a judge, and none is given.
    """
    book = AnchorBook()
    for number, line in _lines(path):
        try:
            book.add(read_anchor(line, judges))
        except InvalidRecord:
            book.unreadable += 1
        except AnchorFailed as error:
            if error.param is not None:
                raise
            book.forged.append((number, error.message))
    return book


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


def _judge_token(members: dict[str, Any], checkpoint: Checkpoint, judges: Judges) -> None:
    if judges.tsa_roots is None:
        raise AnchorFailed(
            "There are time-stamps among the anchors: name the authority's certificate with "
            "--tsa-ca.",
            param="tsa_ca",
        )
    try:
        token = base64.b64decode(members["token"], validate=True)
    except binascii.Error:
        raise AnchorFailed("The time-stamp does not hold: it is no Base64.") from None
    check_token(token, checkpoint, judges.tsa_roots)
    if token_time(token) != members["time"]:
        raise AnchorFailed("The time-stamp is of another time than its line says.")


def _judge_witness(members: dict[str, Any], judges: Judges) -> None:
    if not judges.witnesses:
        raise AnchorFailed(
            "There are counter-signatures among the anchors: name the witness's public key with "
            "--witness-key.",
            param="witness_key",
        )
    if members["public_key"] not in judges.witnesses:
        raise AnchorFailed("It is counter-signed by a key that is not the witness's.")
    signed = {name: value for name, value in members.items() if name != "signature"}
    message = encode_canonical(signed)
    if not signature_holds(members["public_key"], message, members["signature"]):
        raise AnchorFailed("The witness's signature does not hold.")


def _line(members: dict[str, Any], checkpoint: Checkpoint) -> bytes:
    return encode_canonical({"type": TYPE, **members, "checkpoint": checkpoint.to_dict()}) + b"\n"
