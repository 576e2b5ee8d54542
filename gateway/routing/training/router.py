"""Train the router: ``python -m gateway.routing.training.router --data DIR``.

Two heads over hashed n-grams and the signals of shape: ``hard`` (probability that the strong
tier is needed) and ``trend``. Held out: whole sources for the labels, whole subjects for the
recorded outcomes, so the figures speak of prompts of a kind that was never seen.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from gateway.routing.complexity import excerpt
from gateway.routing.evaluation import cost_quality
from gateway.routing.signals import NAMES, signals
from gateway.routing.training.prompts import (
    Prompt,
    capped,
    distinct,
    everyday_sentences,
    graded_prompts,
    labelled_prompts,
    own_prompts,
)
from guardrails.evaluation.metrics import auroc
from guardrails.linear import FeatureSpec, LinearHead, ModelFile, save_model
from guardrails.linear.head import quantise
from guardrails.training.fit import (
    fit_binary,
    fit_classes,
    fit_platt,
    folds,
    source_weights,
    vectorise,
)

Floats = NDArray[np.float64]
SPEC = FeatureSpec(symbols=True, window=1 << 20, stride=1 << 20)
HARD_BUCKETS, TREND_BUCKETS = 1 << 18, 1 << 16
STRENGTH, POWER = 1.5, 0.6
GAIN = {"mmlu": 1.0, "own_en": 2.5, "own_de": 2.5, "own_zh": 2.5, "own_fr": 2.5}


def design(texts: Sequence[str], buckets: int) -> csr_matrix:
    """Rows of hashed features followed by the signals, ``[texts, buckets + signals]``."""
    shown = [excerpt(text) for text in texts]
    shape = csr_matrix(np.array([signals(text) for text in shown]))
    return csr_matrix(hstack([vectorise(shown, SPEC, buckets).matrix, shape]))


def fit_hard(
    matrix: csr_matrix, prompts: Sequence[Prompt], members: NDArray[np.int64]
) -> tuple[Floats, float]:
    """Weights and bias of the difficulty head, fitted on ``members`` with a known label."""
    known = np.array([i for i in members if prompts[i].hard is not None])
    labels = np.array([prompts[i].hard for i in known], np.int64)
    balance = source_weights([prompts[i].source for i in known], labels.tolist(), POWER, GAIN)
    balance *= np.array([prompts[i].weight for i in known])
    return fit_binary(matrix[known], labels, balance, STRENGTH)


def held_out(matrix: csr_matrix, prompts: Sequence[Prompt], keys: Sequence[str]) -> Floats:
    """Scores of every prompt by a model that saw nothing of its key."""
    scores, names = np.empty(len(prompts)), np.array(keys)
    for name in np.unique(names):
        weights, bias = fit_hard(matrix, prompts, np.flatnonzero(names != name))
        mine = np.flatnonzero(names == name)
        scores[mine] = matrix[mine] @ weights + bias
    return scores


def label_figures(prompts: Sequence[Prompt], scores: Floats) -> dict[str, Any]:
    """AUROC of hard against easy sources, with prompt length alone beside it."""
    mine = [i for i, p in enumerate(prompts) if p.hard is not None and p.source != "mmlu"]
    truth = np.array([prompts[i].hard == 1 for i in mine])
    length = np.array([len(prompts[i].text) for i in mine], float)
    return {"auroc": auroc(truth, scores[mine]), "length_auroc": auroc(truth, length)}


def outcome_figures(prompts: Sequence[Prompt], scores: Floats) -> dict[str, Any]:
    """APGR and CPT over the recorded outcomes, with prompt length alone beside them."""
    mine = [i for i, p in enumerate(prompts) if p.quality and p.hard is not None]
    strong = np.array([prompts[i].quality[0] for i in mine])  # type: ignore[index]
    weak = np.array([prompts[i].quality[1] for i in mine])  # type: ignore[index]
    length = np.array([len(prompts[i].text) for i in mine], float)
    return {
        "n": len(mine),
        "router": cost_quality(strong, weak, scores[mine]),
        "length": cost_quality(strong, weak, length),
        "random": {"apgr": 0.5, "cpt50": 0.5, "cpt80": 0.8},
    }


def trend_head(prompts: Sequence[Prompt]) -> tuple[LinearHead, float]:
    """The trend head and its accuracy on a held-out fifth."""
    known = [p for p in prompts if p.trend]
    labels = tuple(sorted({p.trend for p in known if p.trend}))
    numbers = np.array([labels.index(p.trend) for p in known if p.trend])
    matrix = design([p.text for p in known], TREND_BUCKETS)
    sizes = np.bincount(numbers)
    balance = ((len(known) / (len(sizes) * sizes)) ** 0.5)[numbers]
    test = folds(len(known), 5, seed=2) == 0
    weights, bias = fit_classes(matrix[~test], numbers[~test], balance[~test], STRENGTH)
    right = np.argmax(matrix[test] @ weights + bias, axis=1) == numbers[test]
    weights, bias = fit_classes(matrix, numbers, balance, STRENGTH)
    head = quantise(labels, weights[:TREND_BUCKETS], bias, weights[TREND_BUCKETS:])
    return head, float(right.mean())


def subject_keys(prompts: Sequence[Prompt]) -> list[str]:
    """A fold per MMLU subject group (five of them); one more for all else."""
    subjects = sorted({p.group for p in prompts if p.source == "mmlu"})
    return [
        f"mmlu{subjects.index(p.group) % 5}" if p.source == "mmlu" else "other" for p in prompts
    ]


def source_keys(prompts: Sequence[Prompt]) -> list[str]:
    """A fold per hard source, each with a fifth of the easy intents that stays unseen with it."""
    hard = {"gsm8k": 0, "bbh": 1, "arena-hard-v0.1": 2, "own_de": 3, "own_fr": 3, "own_zh": 4}
    easy = {"own_en": 2, "pii_en": 1, "ner_de": 0}
    intents = sorted({p.group for p in prompts if p.source == "clinc150"})
    fold = {**hard, **easy}
    return [
        f"fold{intents.index(p.group) % 5}"
        if p.source == "clinc150"
        else f"fold{fold[p.source]}"
        if p.source in fold
        else "mmlu"
        for p in prompts
    ]


def fold_figures(prompts: Sequence[Prompt], keys: Sequence[str], scores: Floats) -> dict[str, Any]:
    """Label figures per fold, with the sources that were unseen in it."""
    found = {}
    for key in sorted(set(keys) - {"mmlu"}):
        mine = np.array([i for i, other in enumerate(keys) if other == key])
        part = [prompts[i] for i in mine]
        found[", ".join(sorted({p.source for p in part}))] = label_figures(part, scores[mine])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "weights")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--draft", action="store_true", help="do not hold sources out")
    parser.add_argument("--most", type=int, default=5000, help="prompts per source")
    args = parser.parse_args()
    begin, rng = perf_counter(), random.Random(args.seed)
    prompts = distinct(
        own_prompts(args.data, rng)
        + everyday_sentences(args.data)
        + labelled_prompts(args.data)
        + graded_prompts(args.data)
    )
    prompts = capped(prompts, args.most, rng)
    matrix = design([p.text for p in prompts], HARD_BUCKETS)
    print(f"{perf_counter() - begin:.1f} s  {matrix.shape} {matrix.nnz}", flush=True)
    figures: dict[str, Any] = {"prompts": len(prompts)}
    if not args.draft:
        keys = source_keys(prompts)
        figures["unseen_source"] = fold_figures(prompts, keys, held_out(matrix, prompts, keys))
        figures["unseen_subject"] = outcome_figures(
            prompts, held_out(matrix, prompts, subject_keys(prompts))
        )
    numbers = folds(len(prompts), 3, seed=1)
    random_scores = held_out(matrix, prompts, [str(n) for n in numbers])
    figures["random_split"] = label_figures(prompts, random_scores)
    known = np.array([i for i, p in enumerate(prompts) if p.hard is not None])
    labels = np.array([prompts[i].hard for i in known], np.int64)
    balance = source_weights([prompts[i].source for i in known], labels.tolist(), POWER, GAIN)
    balance *= np.array([prompts[i].weight for i in known])
    slope, shift = fit_platt(random_scores[known], labels, balance)
    weights, bias = fit_hard(matrix, prompts, np.arange(len(prompts)))
    weights, bias = slope * weights[:, None], np.array([slope * bias + shift])
    trend, accuracy = trend_head(prompts)
    figures["trend_accuracy"] = accuracy
    heads = {
        "hard": quantise(("hard",), weights[:HARD_BUCKETS], bias, weights[HARD_BUCKETS:]),
        "trend": trend,
    }
    figures["signals"] = dict(zip(NAMES, weights[HARD_BUCKETS:, 0].round(3).tolist(), strict=True))
    digest = save_model(ModelFile("router", SPEC, heads, {}), args.out / "router.npz")
    facts = {"name": "router", "sha256": digest, "figures": figures}
    text = json.dumps(facts, indent=1, sort_keys=True)
    (args.out / "router.json").write_text(text + "\n", encoding="utf-8")
    print(f"{perf_counter() - begin:.1f} s  saved {digest[:12]}\n{text}", flush=True)


if __name__ == "__main__":
    main()
