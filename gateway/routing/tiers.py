"""From an assessment to a tier: the cheapest that is expected to do.

One difficulty scale is cut by thresholds; the quality knob moves all of them together, so a
higher knob never gives a weaker tier (tested). What is not available is replaced by the next
stronger tier, else by the strongest weaker one, and the reason says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.routing.complexity import Assessment, ComplexityModel

TIERS = ("instant", "flash", "non-think", "think-high", "think-max")
# Difficulty from which a tier is wanted with the knob at 0.75.
_CUTS = {"flash": 0.12, "non-think": 0.45, "think-high": 0.70, "think-max": 0.97}
# Thinking pays where steps have to be worked out (DeepSeek-V4 card: maths, code, reasoning).
_THINKING = frozenset({"code", "knowledge", "math", "reasoning"})
_BRIEF = frozenset({"classification", "extraction"})
_BRIEF_LENGTH = 1200  # code points: beyond, a tiny model loses the thread
_BRIEF_HARD = 0.35
_KNOB = 0.25
_TINY_CHAT = 80  # code points of small talk that a tiny model answers well enough
_FLOOR_QUALITY = 0.5  # from here on only brief tasks and small talk go to the tiny model
_REASON_LENGTH = 120


@dataclass(frozen=True, slots=True)
class TierChoice:
    """The tier, the difficulty it was chosen by, and one sentence for a person."""

    tier: str
    score: float
    reason: str


class TierRouter:
    """Chooses tiers; stateless. Stickiness within a conversation is the caller's business."""

    def __init__(self, model: ComplexityModel) -> None:
        self.model = model

    def choose(
        self, assessment: Assessment, *, available: Sequence[str], quality: float
    ) -> TierChoice:
        """The cheapest available tier that is expected to do.

        Args:
            available: names out of ``TIERS`` that the tenant may use now; not empty.
            quality: 0 (always the cheapest adequate) .. 1 (always the strongest).

        Raises:
            ValueError: no known tier is available, or quality lies outside 0..1.
        """
        if not 0.0 <= quality <= 1.0:
            raise ValueError("quality must lie between 0 and 1")
        usable = [tier for tier in TIERS if tier in available]
        if not usable:
            raise ValueError("none of the known tiers is available")
        wanted, why = self._wanted(assessment, quality)
        tier = _nearest(wanted, usable)
        if tier != wanted:
            why = f"{why} ({wanted} not available)"
        return TierChoice(tier, round(assessment.hard, 4), f"{why}: {tier}"[:_REASON_LENGTH])

    def _wanted(self, assessment: Assessment, quality: float) -> tuple[str, str]:
        """The tier that fits, and why, without regard to what is available."""
        if quality >= 1.0:
            return TIERS[-1], "quality 1.00 asks for the strongest"
        trend, hard = assessment.trend, assessment.hard
        if trend in _BRIEF and hard < cut(_BRIEF_HARD, quality):
            if assessment.length <= _BRIEF_LENGTH:
                return "instant", f"short {trend}, difficulty {hard:.2f}"
            return "flash", f"long {trend}, difficulty {hard:.2f}"
        wanted, limit = "instant", None
        for tier, middle in _CUTS.items():
            edge = cut(middle, quality)
            if tier in ("think-high", "think-max") and trend not in _THINKING:
                edge = (1.0 + edge) / 2  # other trends gain little from thinking
            if hard >= edge:
                wanted, limit = tier, edge
        if limit is None and quality >= _FLOOR_QUALITY and not _small_talk(assessment):
            return "flash", f"{trend}, difficulty {hard:.2f}"
        if limit is None:
            first = cut(_CUTS["flash"], quality)
            return wanted, f"{trend}, difficulty {hard:.2f} < {first:.2f}"
        return wanted, f"{trend}, difficulty {hard:.2f} >= {limit:.2f}"


def cut(middle: float, quality: float) -> float:
    """A threshold moved by the knob: falls from ``middle ** 0.25`` at 0 to 0 at quality 1.

    A power of the middle keeps the order of several thresholds for every knob; near 0.75 the
    thresholds are the written ones.
    """
    if quality >= 1.0:
        return 0.0
    return middle ** (_KNOB / (1.0 - quality))


def _small_talk(assessment: Assessment) -> bool:
    return assessment.trend == "chat" and assessment.length <= _TINY_CHAT


def _nearest(wanted: str, usable: Sequence[str]) -> str:
    """The wanted tier, the next stronger usable one, or else the strongest weaker one."""
    rank = TIERS.index(wanted)
    stronger = [tier for tier in usable if TIERS.index(tier) >= rank]
    return stronger[0] if stronger else usable[-1]
