"""What stands for a masked value: numbered and keyed tokens, surrogates, masks.

``guardrails.pii.MaskScope`` asks it; it knows nothing of detection or of requests.
"""

from guardrails.pii.masking.marks import partial_mask, redaction_mark
from guardrails.pii.masking.memory import ScopeMemory
from guardrails.pii.masking.standins import StandIn, StandIns

__all__ = ["ScopeMemory", "StandIn", "StandIns", "partial_mask", "redaction_mark"]
