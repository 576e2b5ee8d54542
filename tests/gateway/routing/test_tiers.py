"""The tier router: order, knob, availability and the sentence it says."""

import itertools

import pytest

from gateway.routing import TIERS, Assessment, ComplexityModel, TierRouter
from gateway.routing.complexity import TRENDS
from gateway.routing.tiers import cut

KNOB = [i / 20 for i in range(21)]
LEVELS = [i / 25 for i in range(26)]


@pytest.fixture(scope="module")
def router() -> TierRouter:
    return TierRouter(ComplexityModel.load())


def assessment(trend: str, hard: float, length: int = 200) -> Assessment:
    return Assessment(trend, hard, ((trend, 0.9),), length)


def rank(router: TierRouter, item: Assessment, quality: float) -> int:
    return TIERS.index(router.choose(item, available=TIERS, quality=quality).tier)


@pytest.mark.parametrize("trend", TRENDS)
@pytest.mark.parametrize("length", [20, 200, 5000])
def test_more_quality_never_gives_a_weaker_tier(
    router: TierRouter, trend: str, length: int
) -> None:
    for hard in LEVELS:
        ranks = [rank(router, assessment(trend, hard, length), quality) for quality in KNOB]
        assert ranks == sorted(ranks), (hard, ranks)


@pytest.mark.parametrize("trend", TRENDS)
@pytest.mark.parametrize("length", [20, 200, 5000])
def test_a_harder_prompt_never_gets_a_weaker_tier(
    router: TierRouter, trend: str, length: int
) -> None:
    for quality in KNOB:
        ranks = [rank(router, assessment(trend, hard, length), quality) for hard in LEVELS]
        assert ranks == sorted(ranks), (quality, ranks)


def test_the_ends_of_the_knob(router: TierRouter) -> None:
    assert rank(router, assessment("chat", 0.0), 1.0) == len(TIERS) - 1
    assert rank(router, assessment("knowledge", 0.3), 0.0) == 0


@pytest.mark.parametrize(
    ("trend", "hard", "length", "tier"),
    [
        ("extraction", 0.05, 200, "instant"),
        ("classification", 0.05, 200, "instant"),
        ("extraction", 0.05, 5000, "flash"),
        ("chat", 0.02, 10, "instant"),
        ("translation", 0.02, 300, "flash"),
        ("math", 0.85, 200, "think-high"),
        ("rewriting", 0.5, 900, "non-think"),
        ("reasoning", 0.99, 900, "think-max"),
    ],
)
def test_the_default_knob(
    router: TierRouter, trend: str, hard: float, length: int, tier: str
) -> None:
    choice = router.choose(assessment(trend, hard, length), available=TIERS, quality=0.8)
    assert choice.tier == tier
    assert trend in choice.reason
    assert choice.reason.endswith(f": {tier}")


def test_an_unavailable_tier_gives_the_next_stronger(router: TierRouter) -> None:
    choice = router.choose(
        assessment("math", 0.85), available=["instant", "flash", "think-max"], quality=0.8
    )
    assert choice.tier == "think-max"
    assert choice.reason == "math, difficulty 0.85 >= 0.64 (think-high not available): think-max"


def test_else_the_strongest_weaker(router: TierRouter) -> None:
    choice = router.choose(assessment("math", 0.85), available=["flash", "instant"], quality=0.8)
    assert choice.tier == "flash"
    assert "think-high not available" in choice.reason


def test_every_choice_is_available_and_every_reason_short(router: TierRouter) -> None:
    for size in range(1, len(TIERS) + 1):
        for available in itertools.combinations(TIERS, size):
            for trend, hard, quality in itertools.product(TRENDS, (0.0, 0.4, 1.0), (0.0, 0.8, 1.0)):
                choice = router.choose(
                    assessment(trend, hard), available=available, quality=quality
                )
                assert choice.tier in available
                assert len(choice.reason) <= 120
                assert choice.reason.isascii()


def test_refusals(router: TierRouter) -> None:
    with pytest.raises(ValueError, match="none of the known tiers"):
        router.choose(assessment("chat", 0.1), available=["huge"], quality=0.5)
    with pytest.raises(ValueError, match="quality"):
        router.choose(assessment("chat", 0.1), available=TIERS, quality=1.5)


def test_cut_keeps_order_and_falls() -> None:
    for quality in KNOB:
        values = [cut(middle, quality) for middle in (0.1, 0.4, 0.7, 0.97)]
        assert values == sorted(values)
    assert cut(0.5, 0.75) == pytest.approx(0.5)
    assert cut(0.5, 1.0) == 0.0
