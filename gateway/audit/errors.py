"""What can go wrong in the audit trail.

SovgateError
└── AuditError
    ├── JournalUnavailable   the disk cannot take a record: answer 503 before calling anyone
    ├── InvalidRecord        a record holds what canonical JSON cannot carry
    ├── SigningKeyUnusable   the Ed25519 key file is missing, too open or no Ed25519 key
    ├── UnreadableExport     a file that is no export at all
    ├── InvalidFilter        records are asked for by something that they do not have
    ├── AnchorFailed         a checkpoint could not be anchored outside, or must not be
    ├── NoProof              a record is not in the chain, or no checkpoint signs it yet
    ├── ChainDamaged         a chain in the database does not verify
    ├── InvalidReason        a reason that is too long or no text
    ├── ReasonRequired       the deployment asks for a reason with every change
    └── DeliveryFailed       the receiver of a stream did not take a batch
"""

from core.errors import SovgateError


class AuditError(SovgateError):
    """Base of the audit trail's errors."""

    code = "audit_error"


class JournalUnavailable(AuditError):
    """The local journal cannot take records now; nothing may be called upstream."""

    code = "journal_unavailable"


class InvalidRecord(AuditError):
    """A record holds a float, a reserved name or no tenant."""

    code = "invalid_audit_record"


class SigningKeyUnusable(AuditError):
    """The Ed25519 key that signs checkpoints cannot be used."""

    code = "signing_key_unusable"


class UnreadableExport(AuditError):
    """The file is not in one of the export formats."""

    code = "unreadable_export"


class InvalidFilter(AuditError):
    """A filter that no record could be looked up by."""

    code = "invalid_audit_filter"


class ChainDamaged(AuditError):
    """Chains in the database do not verify; ``result`` says which, and how."""

    code = "audit_damaged"


class InvalidReason(AuditError):
    """A reason that is too long, or not UTF-8."""

    code = "invalid_reason"


class ReasonRequired(AuditError):
    """``audit.require_reason`` is set, and a change came without a reason."""

    code = "reason_required"

    def __init__(self) -> None:
        super().__init__(
            "This deployment wants a reason with every change: send the header "
            "x-sovgate-reason, or give --reason.",
            param="x-sovgate-reason",
        )


class NoProof(AuditError):
    """No proof of inclusion can be made: the record is unknown, unsigned, or its tree damaged."""

    code = "no_inclusion_proof"


class DeliveryFailed(AuditError):
    """The receiver of a stream did not confirm a batch; it is sent again."""

    code = "audit_delivery_failed"


class AnchorFailed(AuditError):
    """An anchor did not take a checkpoint, or gave no evidence that holds."""

    code = "audit_anchor_failed"
