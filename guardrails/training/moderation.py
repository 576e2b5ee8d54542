"""Train the moderation classifier: ``python -m guardrails.training.moderation --data DIR``.

Two heads over one set of features: ``unsafe`` (binary, calibrated) and ``category``. Every
source is also held out once, so that the card can say what happens on texts of a kind that
was never seen; the threshold is chosen on those held-out scores of harmless texts.
"""

import argparse
import random
from pathlib import Path

import numpy as np

from guardrails.linear import FeatureSpec
from guardrails.training.corpus import (
    LANGUAGES,
    Example,
    capped,
    distinct,
    enterprise,
    ordinary,
    rows,
    strip_tweet,
)
from guardrails.training.grammar import Grammar
from guardrails.training.pipeline import Recipe, train

CATEGORIES = {
    "offensive": "harassment",
    "hate": "hate",
    "race": "hate",
    "region": "hate",
    "gender": "hate",
    "Illegal Activity": "illegal",
    "Malware Viruses": "malware",
    "Physical Harm": "violence",
    "Economic Harm": "fraud",
    "Fraud/Deception": "fraud",
    "Adult Content": "sexual",
    "Political Campaigning": "disinformation",
    "Privacy Violation Activity": "privacy",
    "Child Abuse": "violence",
    "Hate/Harass/Violence": "harassment",
}

MOST_PER_SOURCE = 3000

RECIPE = Recipe(
    name="moderation",
    head="unsafe",
    spec=FeatureSpec(window=240, stride=160),
    buckets=1 << 19,
    strength=5.0,
    power=0.6,
    gain={
        "harmfulqa": 0.25,  # many of its questions are harmless when read alone
        "piguard": 2.0,
        **{f"own/harmless_{lang}": 1.5 for lang in LANGUAGES},
    },
    folds=(
        ("davidson", "gsm8k", "wikiann_fr"),
        ("vicomtech", "clinc150"),
        ("advbench", "pii_en", "mmlu"),
        ("harmfulqa", "piguard", "germeval", "bipia"),
        ("cold", "arena-hard-v0.1", "s-labs"),
        ("catqa_english", "catqa_chinese", "bbh", "wikiann_de", "wikiann_en", "neuralchemy"),
        (
            *(f"own/unsafe_{lang}" for lang in LANGUAGES),
            *(f"own/enterprise_{lang}" for lang in LANGUAGES),
            *(f"own/harmless_{lang}" for lang in LANGUAGES),
        ),
    ),
    false_positive_limit=0.01,
    limit_quantile=0.75,
    floor=0.85,  # at 0.67 two of sixty ordinary work prompts of our tests were flagged
    stress=("own/harmless",),
    category_buckets=1 << 17,
    extra={"strict_threshold": 0.95},
)


def own_examples(rng: random.Random, each: int = 30) -> list[Example]:
    """Our phrases: unsafe by category and language, and their harmless look-alikes."""
    found = []
    for lang in LANGUAGES:
        for heading, text in Grammar.read(f"unsafe_{lang}").expand(each, rng):
            found.append(Example(text, 1, f"own/unsafe_{lang}", lang, heading[0]))
    for heading, text in Grammar.read("harmless").expand(each, rng):
        found.append(Example(text, 0, f"own/harmless_{heading[0]}", heading[0]))
    return found


def public_examples(data: Path) -> list[Example]:
    """The moderation sets, with tweets stripped of what marks them as tweets."""
    found = []
    for name in ("moderation", "moderation_zh"):
        for row in rows(data, name):
            text = strip_tweet(row["text"]) if row["source"] == "davidson" else row["text"]
            category = CATEGORIES.get(row["category"] or "") if row["unsafe"] else None
            source = row["source"].split("/")[0]
            found.append(Example(text, int(row["unsafe"]), source, row["lang"], category))
    for row in rows(data, "injection"):
        if not row["attack"]:
            found.append(Example(row["text"], 0, row["source"].split("/")[0]))
    return found


def examples(data: Path, seed: int, most: int) -> list[Example]:
    """Everything, distinct, in a fixed order."""
    rng = random.Random(seed)
    everything = own_examples(rng) + public_examples(data) + ordinary(data)
    return capped(distinct(everything + enterprise(data, rng)), most, rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "weights")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--draft", action="store_true", help="do not hold sources out")
    parser.add_argument("--keep", type=Path, help="file for the held-out scores")
    parser.add_argument("--most", type=int, default=MOST_PER_SOURCE, help="texts per source")
    args = parser.parse_args()
    np.random.seed(args.seed)
    train(
        RECIPE,
        examples(args.data, args.seed, args.most),
        args.out,
        draft=args.draft,
        keep=args.keep,
    )


if __name__ == "__main__":
    main()
