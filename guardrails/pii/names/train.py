"""Train the tagger: ``python -m guardrails.pii.names.train DATA_DIR``.

DATA_DIR holds pii_en.jsonl, ner_de.jsonl, ner_wikiann.jsonl, routing.jsonl, injection.jsonl in
the format of ``sovgate eval`` (see MODEL_CARD.md). Softmax regression by L-BFGS, a few minutes on
one core. Needs numpy and scipy only, beside the spaCy model whose findings are features.
"""

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from guardrails.pii.names.features import BITS, KINDS, features, tokens
from guardrails.pii.names.tagger import WEIGHTS, hint_labels
from guardrails.pii.names.templates import filled_sentences
from guardrails.pii.recognizers.names import SpacyHints

_KIND_OF: Final = {
    "PER": "PERSON", "PERSON": "PERSON", "LOC": "LOCATION", "LOCATION": "LOCATION",
    "ORG": "ORGANIZATION", "ORGANIZATION": "ORGANIZATION", "ADDRESS": None,
}  # fmt: skip
_HELD_OUT: Final = {
    "ner_de": 700, "pii_en": 600, "wikiann-de": 500, "wikiann-fr": 500, "wikiann-en": 500,
}  # fmt: skip
_REGULARISATION: Final = 2e-6

Row = dict[str, Any]


def read(directory: Path) -> Iterator[tuple[str, list[Row], list[Row]]]:
    """``(set, training rows, held-out rows)``; held out are the first after a seeded shuffle."""
    wikiann = _rows(directory / "ner_wikiann.jsonl")
    sets = {
        "ner_de": _rows(directory / "ner_de.jsonl"),
        "pii_en": _rows(directory / "pii_en.jsonl"),
        **{
            f"wikiann-{lang}": [row for row in wikiann if row["lang"] == lang]
            for lang in ("de", "fr", "en")
        },
    }
    for name, rows in sets.items():
        random.Random(1).shuffle(rows)
        yield name, rows[_HELD_OUT[name] :], rows[: _HELD_OUT[name]]


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


def examples(directory: Path) -> list[tuple[Row, float]]:
    """Training rows with the weight of each of their words."""
    weights = {
        "ner_de": 2.0, "pii_en": 2.0, "wikiann-de": 0.5, "wikiann-fr": 0.8, "wikiann-en": 0.5,
    }  # fmt: skip
    out: list[tuple[Row, float]] = []
    surfaces: dict[str, list[str]] = {"PERSON": [], "LOCATION": [], "ORGANIZATION": []}
    for name, train, _ in read(directory):
        for index, row in enumerate(train):
            # Titles rather than sentences: their surfaces serve, two in five of them as text.
            if not name.startswith("wikiann") or index % 5 < 2:
                out.append((row, weights[name]))
            for span in row["spans"]:
                kind = _KIND_OF.get(span["label"])
                if kind:
                    surfaces[kind].append(row["text"][span["start"] : span["end"]])
    out += [(row, 1.0) for row in filled_sentences(surfaces, random.Random(3), 14_000)]
    prompts = [r["prompt"] for r in _rows(directory / "routing.jsonl") if not r["hard"]]
    prompts += [r["text"] for r in _rows(directory / "injection.jsonl") if not r["attack"]]
    random.Random(4).shuffle(prompts)
    # Unlabelled: what the hints call a name there is left out of the training.
    short = [prompt for prompt in prompts if len(prompt) < 400]
    out += [({"text": prompt, "spans": None, "lang": "en"}, 1.0) for prompt in short[:7_000]]
    return out


def matrices(rows: list[tuple[Row, float]]) -> tuple[csr_matrix, Any, Any]:
    """Features, labels and weights of all words."""
    hinter = SpacyHints()
    indices, labels, weights = [], [], []
    for row, weight in rows:
        words, offsets = tokens(row["text"])
        if not words:
            continue
        hints = hint_labels(offsets, hinter.find(row["text"]))
        gold = _gold(row, offsets)
        keep = np.full(len(words), weight)
        if row["spans"] is None:
            keep[hints > 0] = 0.0
        keep[gold < 0] = 0.0
        indices.append(features(words, hints))
        labels.append(np.maximum(gold, 0))
        weights.append(keep)
    stacked = np.vstack(indices)
    pointers = np.arange(0, stacked.size + 1, stacked.shape[1])
    shape = (len(stacked), 1 << BITS)
    matrix = csr_matrix((np.ones(stacked.size, np.float32), stacked.ravel(), pointers), shape)
    return matrix, np.concatenate(labels), np.concatenate(weights)


def _gold(row: Row, offsets: list[tuple[int, int]]) -> Any:
    """Label per word; -1 for words of kinds that the tagger is not trained on."""
    gold = np.zeros(len(offsets), np.int64)
    for span in row["spans"] or ():
        kind = _KIND_OF.get(span["label"])
        for index, (start, end) in enumerate(offsets):
            if start < span["end"] and span["start"] < end:
                gold[index] = KINDS.index(kind) if kind else -1
    return gold


def fit(matrix: csr_matrix, labels: Any, weights: Any) -> tuple[Any, Any]:
    """Softmax regression; returns ``(D, 4)`` weights and ``(4,)`` bias."""
    keep = weights > 0
    matrix, labels, weights = matrix[keep], labels[keep], weights[keep]
    count, size = len(labels), 1 << BITS
    transposed = matrix.T.tocsr()
    one_hot = np.eye(len(KINDS), dtype=np.float32)[labels]
    weights = (weights / weights.sum())[:, None].astype(np.float32)

    def loss(flat: Any) -> tuple[float, Any]:
        table = flat.reshape(size + 1, len(KINDS))
        scores = matrix @ table[:-1].astype(np.float32) + table[-1].astype(np.float32)
        scores -= scores.max(axis=1, keepdims=True)
        likely = np.exp(scores)
        total = likely.sum(axis=1, keepdims=True)
        value = -float((weights * one_hot * (scores - np.log(total))).sum())
        error = weights * (likely / total - one_hot)
        gradient = np.vstack([transposed @ error, error.sum(axis=0)]).astype(np.float64)
        gradient += 2 * _REGULARISATION * flat.reshape(gradient.shape)
        return value + _REGULARISATION * float((flat**2).sum()), gradient.ravel()

    start = np.zeros((size + 1) * len(KINDS))
    options = {"maxiter": 70, "maxcor": 8}
    result = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    table = result.x.reshape(size + 1, len(KINDS))
    print(f"{count} words, loss {result.fun:.4f} after {result.nit} steps")
    return table[:-1], table[-1]


def main() -> None:
    weights, bias = fit(*matrices(examples(Path(sys.argv[1]))))
    # int8 with one scale: a quarter of the size, no measurable loss.
    scale = np.float32(np.abs(weights).max() / 127)
    quantised = np.round(weights / scale).astype(np.int8)
    WEIGHTS.parent.mkdir(exist_ok=True)
    np.savez_compressed(WEIGHTS, weights=quantised, scale=scale, bias=bias.astype(np.float32))


if __name__ == "__main__":
    main()
