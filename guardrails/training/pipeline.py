"""From examples to a weights file and the figures of its card: shared by both guards.

1. Hash all texts. 2. Hold every source out once and score it by a model of the others.
3. Calibrate and choose the threshold on those scores. 4. Fit on everything, quantise, save.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guardrails.evaluation.metrics import auroc, tpr_at_fpr
from guardrails.linear import FeatureSpec, LinearHead, ModelFile, save_model
from guardrails.linear.head import quantise
from guardrails.training.corpus import Example
from guardrails.training.fit import (
    Windows,
    fit_binary,
    fit_classes,
    fit_platt,
    folds,
    source_weights,
    vectorise,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What distinguishes one classifier's training from another's.

    Args:
        strength: inverse regularisation of the logistic regression.
        power: a source's total weight grows with ``size ** power``.
        gain: factors on single sources.
        folds: groups of sources that are held out together.
        false_positive_limit: share of harmless texts that may be flagged.
        limit_quantile: quantile over harmless sources at which the limit must hold.
        stress: prefixes of sources made to provoke false positives, left out of that choice.
        floor: the least threshold that is shipped, whatever the data say.
    """

    name: str
    head: str
    spec: FeatureSpec
    buckets: int
    strength: float
    power: float
    gain: dict[str, float]
    folds: tuple[tuple[str, ...], ...]
    false_positive_limit: float
    limit_quantile: float
    stress: tuple[str, ...]
    floor: float = 0.5
    category_buckets: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Examples as arrays."""

    labels: NDArray[np.int64]
    sources: NDArray[np.str_]
    windows: Windows

    @classmethod
    def of(cls, examples: Sequence[Example], spec: FeatureSpec, buckets: int) -> "Problem":
        return cls(
            np.array([e.label for e in examples]),
            np.array([e.source for e in examples]),
            vectorise([e.text for e in examples], spec, buckets),
        )

    def fit(self, recipe: Recipe, members: NDArray[np.int64]) -> tuple[Floats, float]:
        """Fit on the texts ``members``; of a long attack only the telling window counts.

        A second round drops windows of positive texts that the first round finds harmless
        (multiple-instance learning): most of a long attack is ordinary prose.
        """
        rows = self.windows.take(members)
        weights, bias = self._fit_rows(recipe, rows)
        owners, counts = np.unique(self.windows.owner, return_counts=True)
        long = np.isin(self.windows.owner[rows], owners[counts > 1])
        if not (long & (self.labels[self.windows.owner[rows]] == 1)).any():
            return weights, bias
        scores = self.windows.matrix @ weights + bias
        best = self.windows.highest(scores, len(self.labels))
        owner = self.windows.owner[rows]
        keep = (self.labels[owner] == 0) | (scores[rows] >= best[owner] - 1e-9) | (scores[rows] > 0)
        return self._fit_rows(recipe, rows[keep])

    def _fit_rows(self, recipe: Recipe, rows: NDArray[np.int64]) -> tuple[Floats, float]:
        owner = self.windows.owner[rows]
        balance = source_weights(
            self.sources[owner].tolist(), self.labels[owner].tolist(), recipe.power, recipe.gain
        )
        return fit_binary(self.windows.matrix[rows], self.labels[owner], balance, recipe.strength)

    def score(self, weights: Floats, bias: float) -> Floats:
        """The highest window's score of every text."""
        return self.windows.highest(self.windows.matrix @ weights + bias, len(self.labels))


def train(
    recipe: Recipe,
    examples: Sequence[Example],
    out: Path,
    *,
    draft: bool = False,
    keep: Path | None = None,
) -> None:
    """Train, print the figures, write ``<name>.npz`` and ``<name>.json``.

    ``keep`` names a file for the held-out scores, to study thresholds without a new fit.
    """
    begin = perf_counter()
    problem = Problem.of(examples, recipe.spec, recipe.buckets)
    _say(begin, f"{len(examples)} texts, {problem.windows.matrix.nnz} features")
    everyone = np.arange(len(examples))
    figures: dict[str, Any] = {"examples": len(examples), "positive": int(problem.labels.sum())}
    scores = _random_folds(recipe, problem, begin, 2 if draft else 3)
    balance = source_weights(
        problem.sources.tolist(), problem.labels.tolist(), recipe.power, recipe.gain
    )
    slope, shift = fit_platt(scores, problem.labels, balance)
    scores = _probability(scores, slope, shift)
    threshold = choose_threshold(recipe, problem, scores)
    figures["random_split"] = report(problem, scores, threshold)
    if not draft:
        unseen = _probability(_held_out_sources(recipe, problem, begin), slope, shift)
        figures["unseen_source"] = report(problem, unseen, threshold)
        if keep:
            np.savez(
                keep, labels=problem.labels, sources=problem.sources, split=scores, unseen=unseen
            )
    shipped = max(threshold, recipe.floor)
    settings = {"platt": (slope, shift), "threshold": shipped, **recipe.extra}
    weights, bias = problem.fit(recipe, everyone)
    empty = np.zeros((0, 1))
    heads = {
        recipe.head: quantise(
            (recipe.head,), slope * weights[:, None], np.array([slope * bias + shift]), empty
        )
    }
    _say(begin, "fitted")
    if recipe.category_buckets:
        heads["category"] = _category_head(recipe, examples)
    digest = save_model(
        ModelFile(recipe.name, recipe.spec, heads, settings), out / f"{recipe.name}.npz"
    )
    _write_card_data(recipe, out, digest, settings, figures)
    _say(begin, f"saved {digest[:12]}, threshold {settings['threshold']:.4f}")


def choose_threshold(recipe: Recipe, problem: Problem, scores: Floats) -> float:
    """The lowest threshold at which harmless sources keep to the false-positive limit."""
    needed = []
    for source in np.unique(problem.sources):
        harmless = scores[(problem.sources == source) & (problem.labels == 0)]
        mixed = ((problem.sources == source) & (problem.labels == 1)).any()
        stress = str(source).startswith(recipe.stress)
        if len(harmless) >= 20 and not mixed and not stress:
            needed.append(float(np.quantile(harmless, 1 - recipe.false_positive_limit)))
    return round(float(np.clip(np.quantile(needed, recipe.limit_quantile), 0.5, 0.995)), 4)


def report(problem: Problem, scores: Floats, threshold: float) -> dict[str, Any]:
    """Overall figures, and recall or false positives per source, at the threshold."""
    per_source = {}
    for source in np.unique(problem.sources):
        mine = problem.sources == source
        truth, said = problem.labels[mine] == 1, scores[mine] >= threshold
        per_source[str(source)] = {
            "n": int(mine.sum()),
            "auroc": auroc(truth, scores[mine]),
            "tpr": float(said[truth].mean()) if truth.any() else None,
            "fpr": float(said[~truth].mean()) if (~truth).any() else None,
        }
    return {
        "threshold": threshold,
        "auroc": auroc(problem.labels == 1, scores),
        "tpr_at_fpr_1": tpr_at_fpr(problem.labels == 1, scores, 0.01),
        "per_source": per_source,
    }


def _held_out_sources(recipe: Recipe, problem: Problem, begin: float) -> Floats:
    scores = np.full(len(problem.labels), np.nan)
    for group in recipe.folds:
        held = np.isin(problem.sources, group)
        if held.any():
            scores[held] = problem.score(*problem.fit(recipe, np.flatnonzero(~held)))[held]
            _say(begin, f"held out {', '.join(group)}")
    missing = np.isnan(scores)
    if missing.any():
        raise SystemExit(f"sources in no fold: {sorted(set(problem.sources[missing]))}")
    return scores


def _random_folds(recipe: Recipe, problem: Problem, begin: float, parts: int = 3) -> Floats:
    scores = np.empty(len(problem.labels))
    number = folds(len(problem.labels), parts, seed=1)
    for part in range(parts):
        held = number == part
        scores[held] = problem.score(*problem.fit(recipe, np.flatnonzero(~held)))[held]
    _say(begin, "random folds")
    return scores


def _category_head(recipe: Recipe, examples: Sequence[Example]) -> LinearHead:
    known = [e for e in examples if e.label and e.category]
    labels = tuple(sorted({e.category for e in known if e.category}))
    numbers = np.array([labels.index(e.category) for e in known if e.category])
    windows = vectorise([e.text for e in known], recipe.spec, recipe.category_buckets)
    sizes = np.bincount(numbers)
    balance = (len(known) / (len(sizes) * sizes)) ** 0.5
    owner = windows.owner
    weights, bias = fit_classes(
        windows.matrix, numbers[owner], balance[numbers[owner]], recipe.strength
    )
    return quantise(labels, weights, bias, np.zeros((0, len(labels))))


def _probability(scores: Floats, slope: float, shift: float) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(slope * scores + shift, -60, 60)))


def _write_card_data(
    recipe: Recipe, out: Path, digest: str, settings: dict[str, Any], figures: dict[str, Any]
) -> None:
    facts = {
        "name": recipe.name,
        "sha256": digest,
        "spec": asdict(recipe.spec),
        "settings": settings,
        "figures": figures,
    }
    text = json.dumps(facts, indent=1, sort_keys=True)
    (out / f"{recipe.name}.json").write_text(text + "\n", encoding="utf-8")


def _say(begin: float, what: str) -> None:
    print(f"{perf_counter() - begin:6.1f} s  {what}", flush=True)
