"""Make the weights: ``python -m guardrails.pii.names_zh.training DATA_DIR [WEIGHTS_DIR]``.

DATA_DIR holds ``lexica.json`` and ``texts.labelled.jsonl``; ``MODEL_CARD.md`` tells how they are
made. Writes ``names_zh.npz`` and ``lexicon_zh.npz`` and prints what the held-out part says: how
well the network repeats its teacher, which is no measure of truth.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import torch

from guardrails.pii.names_zh.codes import Codes, fold_table
from guardrails.pii.names_zh.lexicon import ORGANISATION, PERSON, PLACE, WORD, Lexicon
from guardrails.pii.names_zh.tagger import WEIGHTS, ChineseTagger
from guardrails.pii.names_zh.training.fit import Plan, fit
from guardrails.pii.names_zh.training.sample import Sample, score
from guardrails.pii.names_zh.training.silver import Silver, swapped
from guardrails.pii.names_zh.training.templates import Templates

_KINDS: Final = {"person": PERSON, "place": PLACE, "organisation": ORGANISATION, "word": WORD}
_HELD_OUT: Final = 1_500
_SWAPPED: Final = 0.7
_MADE: Final = {"news": 24_000, "chat": 9_000, "plain": 4_000}


def main() -> None:
    """See the module."""
    data = Path(sys.argv[1])
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else WEIGHTS
    torch.set_num_threads(1)
    lexica = json.loads((data / "lexica.json").read_text("utf-8"))
    fold, lexicon = pack_lexicon(lexica, target / "lexicon_zh.npz")
    random = Random(7)
    silver = list(Silver(lexica).samples(data / "texts.labelled.jsonl"))
    random.shuffle(silver)
    held, silver = silver[:_HELD_OUT], silver[_HELD_OUT:]
    samples = [*silver, *made(silver, lexica, random)]
    print(f"{len(samples)} samples, {sum(len(each.text) for each in samples)} characters")
    fit(samples, fold, lexicon, Plan()).export(target / "names_zh.npz")
    tagger = ChineseTagger.load(target)
    found = [[each[:2] for each in tagger.find(sample.text)] for sample in held]
    print("held-out silver, per character:", score(held, found))


def pack_lexicon(lexica: Mapping[str, Any], path: Path) -> tuple[Codes, Lexicon]:
    """Write the lexicon's table and the folding of characters."""
    pairs = np.array([[ord(old), ord(new)] for old, new in lexica["fold"]], np.uint16)
    fold = fold_table(pairs)
    words: dict[str, int] = {}
    for name, kind in _KINDS.items():
        for word in lexica[name]:
            words[word] = words.get(word, 0) | kind
    lexicon = Lexicon.build(words, fold)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, allow_pickle=False, table=lexicon.table, fold=pairs)
    return fold, lexicon


def made(silver: Sequence[Sample], lexica: Mapping[str, Any], random: Random) -> list[Sample]:
    """Silver samples with other names in them, and sentences from templates."""
    templates = Templates(lexica, random)
    named = [each for each in silver if each.names]
    named = random.sample(named, int(len(named) * _SWAPPED))
    samples = [swapped(each, templates, random) for each in named]
    for kind, count in _MADE.items():
        samples += templates.samples(kind, count)
    return samples


if __name__ == "__main__":
    main()
