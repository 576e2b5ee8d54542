"""Moderation: is a text hateful, abusive or a request for something harmful?"""

from guardrails.moderation.guard import CATEGORIES, ModerationGuard

__all__ = ["CATEGORIES", "ModerationGuard"]
