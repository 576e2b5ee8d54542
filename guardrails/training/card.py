# ruff: noqa: E501  (rows of Markdown tables)
"""Write MODEL_CARD.md from the last training's figures: ``python -m guardrails.training.card``.

The card is generated so that it cannot disagree with the weights that are shipped.
"""

import json
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).parents[1] / "weights"

_SETS = """## Data

Trained here on public sets, which are not part of this repository, and on phrases that are
(`guardrails/training/phrases/`, Apache-2.0).

| set | licence | used for |
|---|---|---|
| Davidson et al. 2017, hate and offensive tweets (en) | MIT | moderation |
| Vicomtech hate-speech sentences (en) | CC BY-SA 3.0 | moderation |
| COLD, offensive language (zh) | Apache-2.0 | moderation |
| AdvBench harmful behaviours (en) | MIT | moderation |
| CatQA (en, zh), HarmfulQA (en) | Apache-2.0 | moderation |
| S-Labs prompt injection (en) | MIT | injection; its harmless part also moderation |
| neuralchemy injections (en) | Apache-2.0 | injection; its harmless part also moderation |
| in-the-wild jailbreaks, half (en) | MIT | injection |
| yanismiraoui injections, half (several languages) | Apache-2.0 | injection |
| CyberSecEval multilingual injections | MIT | injection |
| PIGuard wildguard/valid; BIPIA train e-mails (clean ones) | MIT, CC BY-SA | both, harmless |
| CLINC150, GSM8K, BIG-Bench Hard, Arena-Hard, MMLU prompts | CC BY 3.0, MIT, Apache-2.0 | both, harmless |
| presidio-research sentences, GermEval 2014, WikiANN (en, de, fr) | MIT, CC BY, CC BY-SA | both, harmless |
| our phrases: unsafe requests, look-alikes, attacks, office orders, work prompts (en, de, fr, zh) | Apache-2.0 | both |

Tweets lose handles, RT, links and hashes. Repeated texts are dropped; texts with both labels too.
A source's weight grows with its size to the power 0.6, and both labels weigh the same.
"""

_LIMITS = """## What it does not do

- It knows words and their pieces, not meaning. Sarcasm, paraphrase, and requests whose words are
  all harmless pass; a quoted insult may be flagged.
- Held-out sources show how much is lost on texts of a new kind (left columns): treat the scores as
  a first line, with policy, audit and a stronger detector behind it where the stakes are high.
- German and French have no public unsafe set here: what is known of them comes from our own phrases
  alone, so insults and threats in other words than ours are missed more often than in English.
- Davidson's labels are biased: tweets in African American English are called offensive more often
  (Davidson et al. 2019). Casual "bitch" or "ho" is flagged accordingly.
- COLD and Vicomtech sentences are about race, region and gender throughout, also the harmless ones:
  talk about groups is judged with more errors than other talk (see their false-positive columns).
- HarmfulQA calls many questions harmful that are not when read alone; it weighs a quarter.
- Orders in documents that are ordinary requests ("suggest a film") cannot be told from text without
  the context: BIPIA attacks of that kind are not detected, and not trained on.
- `cyberseceval-multilingual` consists largely of word puzzles; few are detected.
"""


def main() -> None:
    parts = ["# Guard classifiers: model card\n", _intro(), _SETS]
    parts += [
        _model(json.loads((WEIGHTS / f"{n}.json").read_text())) for n in ("moderation", "injection")
    ]
    parts.append(_LIMITS)
    (WEIGHTS / "MODEL_CARD.md").write_text("\n".join(parts), encoding="utf-8")


def _intro() -> str:
    return (
        "Logistic regressions over hashed word n-grams (1-3; an ideograph is a word) and character\n"
        "n-grams (3-5), int8 weights, numpy at run time. Texts are judged in windows; the highest\n"
        "window counts. Reproduce with\n\n"
        "    python -m guardrails.training.moderation --data DIR\n"
        "    python -m guardrails.training.injection --data DIR\n"
        "    python -m guardrails.training.card\n"
    )


def _model(facts: dict[str, Any]) -> str:
    figures, settings = facts["figures"], facts["settings"]
    seen = figures["random_split"]
    blank = {"auroc": None, "tpr_at_fpr_1": None, "per_source": {}}
    unseen = figures.get("unseen_source", blank)
    lines = [
        f"## {facts['name']}\n",
        f"- weights `{facts['name']}.npz`, sha256 `{facts['sha256']}`",
        f"- {figures['examples']} texts, {figures['positive']} positive",
        f"- shipped threshold {settings['threshold']}; the table below is measured at"
        f" {seen.get('threshold', settings['threshold'])}, so a higher shipped one flags fewer of both",
        f"- random split: AUROC {_show(seen['auroc'])}, recall at 1 % false positives"
        f" {_show(seen['tpr_at_fpr_1'])}",
        f"- every source held out: AUROC {_show(unseen['auroc'])} (scores of several models pooled)\n",
        "Share flagged at the threshold, per source: with the source never seen in training, and in"
        " a random three-fold split.\n",
        "| source | texts | unseen AUROC | unseen recall | unseen false positives | split AUROC"
        " | split recall | split false positives |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for source, into in seen["per_source"].items():
        out = unseen["per_source"].get(source, {"auroc": None, "tpr": None, "fpr": None})
        cells = [out["auroc"], out["tpr"], out["fpr"], into["auroc"], into["tpr"], into["fpr"]]
        lines.append(f"| {source} | {into['n']} | " + " | ".join(map(_show, cells)) + " |")
    return "\n".join(lines) + "\n"


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
