"""What can go wrong with evidence packs.

SovgateError
└── EvidenceError
    └── InvalidEvidence   a file that is no evidence pack, or one that was changed
"""

from core.errors import SovgateError


class EvidenceError(SovgateError):
    """Base of the errors of evidence packs."""

    code = "evidence_error"


class InvalidEvidence(EvidenceError):
    """It is no pack, or its signature does not hold."""

    code = "invalid_evidence"
