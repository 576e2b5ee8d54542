"""Train, export and judge: ``python -m guardrails.pii.names.training DATA_DIR``.

``DATA_DIR`` holds the sets that ``corpus.py`` reads. Writes ``weights/latin.npz`` and prints the
figures of the held-out rows; some minutes on one core.
"""

import argparse
from pathlib import Path

from guardrails.pii.names.tagger import WEIGHTS, NameTagger
from guardrails.pii.names.training.batches import Corpus
from guardrails.pii.names.training.corpus import is_held_out, labelled
from guardrails.pii.names.training.dataset import training_set
from guardrails.pii.names.training.fit import Recipe, fit
from guardrails.pii.names.training.judge import judge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--epochs", type=float, default=Recipe.epochs)
    options = parser.parse_args()
    corpus = Corpus(training_set(options.data))
    print(f"{len(corpus.texts)} texts, {corpus.tokens} tokens")
    fit(corpus, Recipe(epochs=options.epochs)).export(options.out)
    tagger = NameTagger.load(options.out)
    held_out = [example for example in labelled(options.data) if is_held_out(example)]
    for source in ("pii_en", "ner_de", "ner_wikiann"):
        print(judge(source, [each for each in held_out if each.source == source], tagger))


if __name__ == "__main__":
    main()
