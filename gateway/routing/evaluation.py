"""Figures of the router: ``evaluate_routing`` reads the rows of ``sovgate eval routing``.

Rows ``{prompt, hard}`` give an AUROC. Rows ``{prompt, quality: {strong, weak}}`` give the
cost-quality figures of RouteLLM (Ong et al., 2024): prompts are sent to the strong model in
the order of their score; the performance gap recovered (PGR) is drawn over the share of
strong calls; APGR is the area under it, CPT(x) the share that recovers x % of the gap.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.routing.complexity import ComplexityModel
from guardrails.evaluation.metrics import auroc, rounded, timed

Floats = NDArray[np.float64]


def evaluate_routing(
    rows: Iterable[Mapping[str, Any]], model: ComplexityModel | None = None
) -> dict[str, Any]:
    """Score every prompt and compare with chance and with prompt length alone.

    Args:
        rows: ``{prompt, hard, lang}`` and ``{prompt, quality: {strong, weak}, group}``, mixed
            as you like.
        model: the released model if not given.
    """
    table = list(rows)
    model = model or ComplexityModel.load()
    prompts = [str(row["prompt"]) for row in table]
    run = timed(lambda prompt: model.assess(prompt).hard, prompts)
    scores = np.array(run.results, float)
    lengths = np.array([len(prompt) for prompt in prompts], float)
    return {
        "n": len(table),
        "model": model.version,
        **_figures(table, scores),
        "random": _chance(table),
        "length": _figures(table, lengths),
        "per_group": _per_group(table, scores),
        **run.figures(),
    }


def _figures(table: Sequence[Mapping[str, Any]], scores: Floats) -> dict[str, float | None]:
    labelled = [i for i, row in enumerate(table) if row.get("hard") is not None]
    graded = [i for i, row in enumerate(table) if row.get("quality")]
    truth = [bool(table[i]["hard"]) for i in labelled]
    strong = np.array([float(table[i]["quality"]["strong"]) for i in graded])
    weak = np.array([float(table[i]["quality"]["weak"]) for i in graded])
    figures = {
        "auroc": auroc(truth, scores[labelled]),
        **cost_quality(strong, weak, scores[graded]),
    }
    return rounded(figures)


def _chance(table: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """What a router that draws lots is expected to reach, where the figure exists."""
    exists = _figures(table, np.zeros(len(table)))
    chance = {"auroc": 0.5, "apgr": 0.5, "cpt50": 0.5, "cpt80": 0.8}
    return {key: value if exists[key] is not None else None for key, value in chance.items()}


def _per_group(table: Sequence[Mapping[str, Any]], scores: Floats) -> dict[str, dict[str, Any]]:
    names = [str(row.get("group") or row.get("source") or "none") for row in table]
    found = {}
    for name in sorted(set(names)):
        mine = [i for i, other in enumerate(names) if other == name]
        part = [table[i] for i in mine]
        figures = _figures(part, scores[mine])
        found[name] = {"n": len(mine), "mean_hard": round(float(scores[mine].mean()), 4), **figures}
    return found


def cost_quality(strong: Floats, weak: Floats, scores: Floats) -> dict[str, float | None]:
    """``apgr``, ``cpt50``, ``cpt80``; all ``None`` where the strong model is not the better one.

    Tied scores count as drawn in random order: the curve is straight across them.
    """
    if not len(scores) or strong.mean() <= weak.mean():
        return {"apgr": None, "cpt50": None, "cpt80": None}
    share, recovered = recovery_curve(strong, weak, scores)
    area = float(np.sum(np.diff(share) * (recovered[1:] + recovered[:-1]) / 2))
    return {
        "apgr": area,
        "cpt50": _first_reach(share, recovered, 0.5),
        "cpt80": _first_reach(share, recovered, 0.8),
    }


def recovery_curve(strong: Floats, weak: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Shares of strong calls and the part of the gap that each recovers, from (0,0) to (1,1)."""
    order = np.argsort(-scores, kind="stable")
    gains = np.cumsum((strong - weak)[order])
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    share = np.concatenate([[0.0], (last + 1) / len(scores)])
    return share, np.concatenate([[0.0], gains[last] / gains[-1]])


def _first_reach(share: Floats, recovered: Floats, goal: float) -> float:
    """The smallest share of strong calls at which the curve reaches the goal."""
    after = int(np.argmax(recovered >= goal - 1e-12))
    if after == 0:
        return float(share[0])
    low, high = recovered[after - 1], recovered[after]
    part = (goal - low) / (high - low)
    return float(share[after - 1] + part * (share[after] - share[after - 1]))
