"""The released complexity model on prompts that it was not trained on."""

import pytest

from gateway.routing import TRENDS, ComplexityModel
from gateway.routing.complexity import excerpt
from gateway.routing.signals import NAMES, signals


@pytest.fixture(scope="module")
def model() -> ComplexityModel:
    return ComplexityModel.load()


HARD = """
Prove that the sum of two continuous functions on a metric space is continuous.
Prove that there is no largest prime number and explain where contradiction is used.
Derive the Euler-Lagrange equation for a bead on a rotating hoop and find its equilibria.
A 61-year-old man has sudden tearing chest pain and unequal pulses. What is the diagnosis?
Design and implement a distributed lock service in Go that survives network partitions, with tests.
Our payment service deadlocks under load; find the race condition in this Java code.
Analyse this liability clause under German law and redraft it so that it is enforceable.
Beweise, dass jede endliche Gruppe von Primzahlordnung zyklisch ist.
Leite die Wellengleichung aus den Maxwell-Gleichungen her und diskutiere die Randbedingungen.
证明任意有限整环都是域，并说明每一步的依据。
Démontre que toute suite de Cauchy réelle converge.
""".strip().splitlines()

EASY = """
What is the capital of Portugal?
Translate "the meeting is cancelled" into Spanish.
Fix the spelling: I recieved teh parcel yesterday.
Extract the order number: Dear team, order 44821 arrived damaged on Friday.
Is this review positive or negative? The chair is comfortable and cheap.
Good morning!
Remind me to water the plants at six.
Wie spät ist es in Tokio?
Übersetze "Guten Tag" ins Französische.
你好，今天几号？
Quelle est la capitale du Portugal ?
""".strip().splitlines()


def test_hard_prompts_stand_above_easy_ones(model: ComplexityModel) -> None:
    hard = sorted(model.assess(text).hard for text in HARD)
    easy = sorted(model.assess(text).hard for text in EASY)
    assert hard[0] > easy[-1]
    assert hard[len(hard) // 2] > 0.7
    assert easy[len(easy) // 2] < 0.1


def test_length_is_not_difficulty(model: ComplexityModel) -> None:
    long_easy = (
        "Fix the spelling mistakes: " + "I recieved teh parcel yesterday and it was fine. " * 25
    )
    short_hard = "Prove that the square root of two is irrational."
    assert model.assess(short_hard).hard > model.assess(long_easy).hard


@pytest.mark.parametrize(
    ("text", "trend"),
    [
        ("Translate this sentence into German: the door is open.", "translation"),
        ("Write a Python function that merges two sorted lists.", "code"),
        ("Prove that the square root of two is irrational.", "math"),
        ("Extract the invoice number from this text: invoice 4711 of 3 May", "extraction"),
        ("Summarise this report in three bullets: sales rose, costs fell.", "summarisation"),
        ("Is the following review positive or negative? Works well.", "classification"),
        ("Hello!", "chat"),
        ("Übersetze diesen Satz ins Englische: Die Tür ist offen.", "translation"),
        ("把这句话翻译成英文：门开着。", "translation"),
    ],
)
def test_trend(model: ComplexityModel, text: str, trend: str) -> None:
    assert model.assess(text).trend == trend


def test_scores_are_the_three_likeliest(model: ComplexityModel) -> None:
    found = model.assess(HARD[0])
    assert len(found.trend_scores) == 3
    assert found.trend_scores[0][0] == found.trend
    assert {name for name, _ in found.trend_scores} <= set(TRENDS)
    values = [value for _, value in found.trend_scores]
    assert values == sorted(values, reverse=True)


def test_long_conversations_lean_to_the_strong_tier(model: ComplexityModel) -> None:
    text = EASY[0]
    scores = [model.assess(text, turns=turns).hard for turns in (1, 2, 5, 50)]
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] <= 0.11


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\ud800", "🙂"])
def test_nothing_to_judge_is_small_talk(model: ComplexityModel, text: str) -> None:
    found = model.assess(text)
    assert found.trend == "chat"
    assert found.hard < 0.05


def test_cost_is_bounded_for_long_prompts() -> None:
    text = "a" * 1_000_000 + "end"
    assert len(excerpt(text)) < 4000
    assert excerpt(text).endswith("end")


def test_signals_have_names_and_bounds() -> None:
    values = signals("def f(x):\n    return x^2 + 1 = 3\nA) one\nB) two\n" * 40)
    assert values.shape == (len(NAMES),)
    assert float(values.max()) < 1.0
