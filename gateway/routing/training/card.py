# ruff: noqa: E501  (Markdown text)
"""Write the router's MODEL_CARD.md: ``python -m gateway.routing.training.card``."""

import json
from pathlib import Path

WEIGHTS = Path(__file__).parents[1] / "weights"

_TEXT = """# Router: model card

Logistic regressions over hashed word and character n-grams and nine signals of shape (length,
formulas, code, answer choices, ...): `hard` is the probability that a prompt needs the strong tier,
`trend` the kind of work. Reproduce with

    python -m gateway.routing.training.router --data DIR
    python -m gateway.routing.training.card

- weights `router.npz`, sha256 `{digest}`
- {prompts} prompts: CLINC150 train (CC BY 3.0) and everyday sentences (presidio-research, MIT;
  GermEval, CC BY) as easy; GSM8K train (MIT), half of BIG-Bench Hard (MIT), Arena-Hard v0.1
  (Apache-2.0) as hard; RouteLLM's MMLU outcomes (Apache-2.0): hard where the weak model was wrong and
  the strong one right; our graded work prompts in English, German, French and Chinese.
- `high_school_mathematics` is left out of the outcomes: the strong model's answers were graded wrong
  throughout (3 % right against 32 % of the weak one), an artefact.

## Hard against easy

AUROC; the sources of a row were never seen by the model that scored them (with a fifth of the CLINC
intents each).

| held out | router | prompt length alone |
|---|---|---|
{folds}
| random three-fold split | {auroc:.3f} | {length:.3f} |

## Cost and quality (MMLU outcomes, whole subjects held out, n = {n})

| | APGR | CPT50 | CPT80 |
|---|---|---|---|
{outcomes}

APGR: area under the recovered part of the gap over the share of strong calls, higher is better. CPT(x):
share of strong calls that recovers x % of the gap, lower is better.

Trend: {accuracy:.3f} accuracy on a held-out fifth (our own phrases and the sets' groups: optimistic).

## What it does not do

It reads words, not the problem. On examination questions of subjects that it has never seen it is
hardly better than chance, as the second table says: such prompts all get a middling to high difficulty.
Its labels come from sets that are easy or hard as a whole, so it also learns their style. Easy and hard
work prompts are our own templates; languages other than the four fall back on shape and numbers.
"""


def main() -> None:
    facts = json.loads((WEIGHTS / "router.json").read_text(encoding="utf-8"))
    figures = facts["figures"]
    blank = {"n": 0, **{name: {} for name in ("router", "length", "random")}}
    outcome = figures.get("unseen_subject", blank)
    folds = [
        f"| {name} | {_show(row['auroc'])} | {_show(row['length_auroc'])} |"
        for name, row in figures.get("unseen_source", {}).items()
    ]
    outcomes = [
        f"| {name} | "
        + " | ".join(_show(outcome[name].get(k)) for k in ("apgr", "cpt50", "cpt80"))
        + " |"
        for name in ("router", "length", "random")
    ]
    text = _TEXT.format(
        digest=facts["sha256"],
        prompts=figures["prompts"],
        folds="\n".join(folds),
        auroc=figures["random_split"]["auroc"],
        length=figures["random_split"]["length_auroc"],
        n=outcome["n"],
        outcomes="\n".join(outcomes),
        accuracy=figures["trend_accuracy"],
    )
    (WEIGHTS / "MODEL_CARD.md").write_text(text, encoding="utf-8")


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
