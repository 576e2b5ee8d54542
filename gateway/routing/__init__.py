"""Routing: what kind of request is this, how hard is it, and which tier will do?"""

from gateway.routing.complexity import TRENDS, Assessment, ComplexityModel
from gateway.routing.tiers import TIERS, TierChoice, TierRouter

__all__ = [
    "TIERS",
    "TRENDS",
    "Assessment",
    "ComplexityModel",
    "TierChoice",
    "TierRouter",
]
