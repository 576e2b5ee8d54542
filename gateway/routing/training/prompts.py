"""Prompts with difficulty and trend for the router's training.

``hard`` is 1 where the strong tier is needed, 0 where not, ``None`` where unknown; ``trend`` is
``None`` where unknown. Multiple-choice rows come with a recorded outcome of two models.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from guardrails.training.corpus import LANGUAGES, passages, rows
from guardrails.training.grammar import Grammar

# The strong model's answers to this subject were graded wrong throughout (3 % right, against
# 32 % of the weak model): an artefact of answer parsing that would teach "mathematics is easy".
MISGRADED = frozenset({"high_school_mathematics"})
_CLINC_TRENDS = {
    "translate": "translation",
    "definition": "knowledge",
    "calculator": "math",
    "measurement_conversion": "math",
    "exchange_rate": "math",
    "fun_fact": "knowledge",
    "nutrition_info": "knowledge",
    "spelling": "rewriting",
}
_MATH_GROUPS = frozenset({"multistep_arithmetic_two", "gsm8k", "object_counting"})
_MMLU_TRENDS = {
    "moral_scenarios": "reasoning",
    "logical_fallacies": "reasoning",
    "college_mathematics": "math",
    "college_physics": "math",
    "high_school_mathematics": "math",
}
_CODING = re.compile(
    r"\b(python|javascript|typescript|sql|c\+\+|c#|bash|java|rust|code|function|api|docker|css|html"
    r"|react|django|script|regex|linux|git)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One training prompt. ``weight`` scales its part in the difficulty head."""

    text: str
    hard: int | None
    trend: str | None
    source: str
    group: str
    weight: float = 1.0
    quality: tuple[float, float] | None = None  # right answers of the strong, the weak model


def own_prompts(data: Path, rng: random.Random, each: int = 40) -> list[Prompt]:
    """Our graded work prompts in four languages."""
    pasted = passages(data, rng)
    found = []
    for lang in LANGUAGES:
        for heading, text in Grammar.read(f"enterprise_{lang}").expand(each, rng, pasted):
            trend, difficulty = heading
            hard = int(difficulty == "hard")
            found.append(Prompt(text, hard, trend, f"own_{lang}", f"own_{lang}_{difficulty}"))
    return found


def everyday_sentences(data: Path) -> list[Prompt]:
    """Ordinary sentences of some length: easy, so that length alone does not mean hard."""
    found = []
    for name, keep in (("pii_en", 2000), ("ner_de", 800)):
        for row in list(rows(data, name))[:keep]:
            found.append(Prompt(row["text"], 0, None, name, name))
    return found


def labelled_prompts(data: Path) -> list[Prompt]:
    """CLINC150 (easy), GSM8K, BIG-Bench Hard and Arena-Hard (hard)."""
    found = []
    for row in rows(data, "routing"):
        source, group = row["source"].split("/")[0], row.get("group") or "arena"
        found.append(
            Prompt(
                row["prompt"], int(row["hard"]), _trend(source, group, row["prompt"]), source, group
            )
        )
    return found


def _trend(source: str, group: str, text: str) -> str | None:
    if source == "clinc150":
        return _CLINC_TRENDS.get(group, "chat")
    if source in ("gsm8k", "bbh"):
        return "math" if group in _MATH_GROUPS else "reasoning"
    return "code" if _CODING.search(text) else None


def graded_prompts(data: Path, easy_weight: float = 0.3) -> list[Prompt]:
    """MMLU prompts with the outcomes of a weak and a strong model (RouteLLM).

    Most weak answers are right, yet the questions are harder than a look-up: ``easy_weight``
    keeps the head from calling every examination question easy.
    """
    found = []
    for row in rows(data, "routing_quality"):
        strong, weak = float(row["quality"]["strong"]), float(row["quality"]["weak"])
        hard = None if row["group"] in MISGRADED else int(strong > weak)
        weight = 1.0 if hard else easy_weight
        trend = _MMLU_TRENDS.get(row["group"], "knowledge")
        found.append(
            Prompt(row["prompt"], hard, trend, "mmlu", row["group"], weight, (strong, weak))
        )
    return found


def capped(prompts: list[Prompt], limit: int, rng: random.Random) -> list[Prompt]:
    """At most ``limit`` prompts per source, drawn at random."""
    groups: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        groups.setdefault(prompt.source, []).append(prompt)
    return [
        prompt
        for group in groups.values()
        for prompt in (group if len(group) <= limit else rng.sample(group, limit))
    ]


def distinct(prompts: Iterable[Prompt]) -> list[Prompt]:
    """Without repeated texts."""
    return list({prompt.text.casefold().strip(): prompt for prompt in prompts}.values())
