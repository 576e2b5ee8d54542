"""Train, export and judge: ``python -m guardrails.pii.names.training DATA_DIR``.

``DATA_DIR`` holds the sets that ``corpus.py`` reads. Labels real text with spaCy, trains a first
tagger, opens the labels on which the two disagree, trains the tagger that is shipped; writes
``weights/latin.npz`` and prints the figures of the held-out rows. About ten minutes on one core.
"""

import argparse
import random
from pathlib import Path
from typing import Final

from guardrails.pii.names.network import TaggerNetwork
from guardrails.pii.names.tagger import WEIGHTS, NameTagger
from guardrails.pii.names.training.batches import Corpus
from guardrails.pii.names.training.corpus import is_held_out, labelled
from guardrails.pii.names.training.dataset import base_set, pseudo_examples, with_pseudo
from guardrails.pii.names.training.fit import Recipe, fit
from guardrails.pii.names.training.gazetteers import Gazetteers
from guardrails.pii.names.training.judge import judge
from guardrails.pii.names.training.relabel import relabelled

_SEED: Final = 7
_FIRST: Final = Recipe(epochs=1.0, embedding=32, hidden=128, width=64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--epochs", type=float, default=Recipe.epochs)
    options = parser.parse_args()
    generator = random.Random(_SEED)
    pools = Gazetteers.draw(generator)
    base = base_set(options.data, pools, generator)
    pseudo = pseudo_examples(options.data, pools, generator)
    first = fit(Corpus(with_pseudo(base, pseudo, pools, generator)), _FIRST)
    pseudo = list(relabelled(pseudo, TaggerNetwork(first.arrays())))
    corpus = Corpus(with_pseudo(base, pseudo, pools, generator))
    print(f"{len(corpus.texts)} texts, {corpus.tokens} tokens")
    fit(corpus, Recipe(epochs=options.epochs)).export(options.out)
    tagger = NameTagger.load(options.out)
    held_out = [example for example in labelled(options.data) if is_held_out(example)]
    for source in ("pii_en", "ner_de", "ner_wikiann"):
        print(judge(source, [each for each in held_out if each.source == source], tagger))


if __name__ == "__main__":
    main()
