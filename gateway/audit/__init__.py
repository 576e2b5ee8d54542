"""The audit trail: journal on disk, drain to the database, hash chain, export, verify.

    request -> Journal.intent / note / outcome   (files of this process, fsync-ed)
                  -> Drain                       (one transaction per batch)
                       -> sinks (ledger) and AuditChain (per-tenant hash chain)
                            -> export, verify    (offline, with the public key)

docs/audit.md describes the formats. Export, verify and the command line are
imported from their modules, since they pull pyarrow or typer.
"""

from gateway.audit.admin import append_admin
from gateway.audit.chain import AuditChain, Entry
from gateway.audit.drain import Drain, DrainOptions, Sink
from gateway.audit.errors import (
    AuditError,
    InvalidRecord,
    JournalUnavailable,
    SigningKeyUnusable,
    UnreadableExport,
)
from gateway.audit.journal import Journal, OnInterrupted, Replay
from gateway.audit.keys import KeyFile, Signer, SigningKey
from gateway.audit.record import (
    SYSTEM_TENANT,
    CacheHit,
    DetectorVerdict,
    LatencySplit,
    RequestRecord,
    Route,
    TokenCounts,
    Tried,
    score_text,
)

__all__ = [
    "SYSTEM_TENANT",
    "AuditChain",
    "AuditError",
    "CacheHit",
    "DetectorVerdict",
    "Drain",
    "DrainOptions",
    "Entry",
    "InvalidRecord",
    "Journal",
    "JournalUnavailable",
    "KeyFile",
    "LatencySplit",
    "OnInterrupted",
    "Replay",
    "RequestRecord",
    "Route",
    "Signer",
    "SigningKey",
    "SigningKeyUnusable",
    "Sink",
    "TokenCounts",
    "Tried",
    "UnreadableExport",
    "append_admin",
    "score_text",
]
