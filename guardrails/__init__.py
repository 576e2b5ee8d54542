"""Guards: detect -> decide -> transform, joined by span values.

pii          personal data: found, masked by tokens, restored exactly
moderation   hate, abuse, requests for harm, in both directions
injection    attempts to take over the model
evaluation   the guards judged on labelled data
"""

from guardrails.types import Action, Role, Span, Verdict

__all__ = ["Action", "Role", "Span", "Verdict"]
