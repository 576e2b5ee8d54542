"""Train the injection classifier: ``python -m guardrails.training.injection --data DIR``.

Besides the public sets it learns from our own attacks in four languages, alone and hidden in
ordinary documents, and from texts that merely speak of instructions or give orders to people.
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
    passages,
    rows,
)
from guardrails.training.grammar import Grammar
from guardrails.training.pipeline import Recipe, train

MOST_PER_SOURCE = 3000

RECIPE = Recipe(
    name="injection",
    head="attack",
    spec=FeatureSpec(symbols=True, window=240, stride=160),
    buckets=1 << 19,
    strength=5.0,
    power=0.6,
    gain={
        "yanismiraoui": 1.5,
        "in-the-wild": 1.5,
        "cyberseceval-multilingual": 0.3,  # half of it is word puzzles
        "bipia": 3.0,
        "piguard": 2.0,
        **{f"own/orders_{lang}": 2.0 for lang in LANGUAGES},
    },
    folds=(
        ("s-labs", "gsm8k", "wikiann_fr", "davidson"),
        ("neuralchemy", "clinc150", "bbh"),
        ("yanismiraoui", "pii_en", "mmlu", "cold"),
        ("in-the-wild", "germeval", "bipia", "vicomtech"),
        ("cyberseceval-multilingual", "arena-hard-v0.1", "wikiann_de", "wikiann_en", "piguard"),
        (
            *(f"own/attacks_{lang}" for lang in LANGUAGES),
            *(f"own/enterprise_{lang}" for lang in LANGUAGES),
            *(f"own/orders_{lang}" for lang in LANGUAGES),
            *(f"own/hidden_{lang}" for lang in LANGUAGES),
        ),
    ),
    false_positive_limit=0.01,
    limit_quantile=0.9,
    stress=("own/orders",),
    extra={"document_threshold": 0.86, "operator_threshold": 0.95},
)


def own_examples(data: Path, rng: random.Random, each: int = 30) -> list[Example]:
    """Our attacks, the same hidden in documents, and harmless texts about instructions."""
    pasted = passages(data, rng)
    found = []
    for heading, text in Grammar.read("attacks").expand(each, rng):
        lang = heading[0]
        found.append(Example(text, 1, f"own/attacks_{lang}", lang))
        if rng.random() < 0.3:
            before, after = rng.choice(pasted), rng.choice(pasted)
            found.append(Example(f"{before} {text} {after}", 1, f"own/hidden_{lang}", lang))
    for heading, text in Grammar.read("harmless_orders").expand(each, rng):
        found.append(Example(text, 0, f"own/orders_{heading[0]}", heading[0]))
    return found


def public_examples(data: Path) -> list[Example]:
    """The injection sets, and harmless or merely rude texts of the moderation sets."""
    found = []
    for row in rows(data, "injection"):
        if row["attack"] and row["source"].startswith("bipia"):
            continue  # its orders are ordinary requests: only the context makes them attacks
        found.append(
            Example(row["text"], int(row["attack"]), row["source"].split("/")[0], row["lang"])
        )
    for name in ("moderation", "moderation_zh"):
        for number, row in enumerate(rows(data, name)):
            source = row["source"].split("/")[0]
            if number % 4 == 0 and source in ("vicomtech", "cold", "davidson"):
                found.append(Example(row["text"], 0, source, row["lang"]))
    return found


def examples(data: Path, seed: int, most: int) -> list[Example]:
    """Everything, distinct, in a fixed order."""
    rng = random.Random(seed)
    everything = own_examples(data, rng) + public_examples(data) + ordinary(data)
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
