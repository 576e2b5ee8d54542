"""What opening, holding and erasing stored content needs."""

from dataclasses import dataclass, field

from gateway.audit.keys import Signer
from gateway.retention.rules import RetentionRules
from gateway.vault.wrapping import KeyWrapper


@dataclass(frozen=True, slots=True)
class TrailServices:
    """Keys of the content, of the trail, and how long either is kept."""

    wrapper: KeyWrapper
    signer: Signer
    rules: RetentionRules = field(default_factory=RetentionRules)
