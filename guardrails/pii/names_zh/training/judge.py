"""Judge the shipped weights: ``python -m guardrails.pii.names_zh.training.judge FILE ...``.

Each file holds marked texts (``sample.py``), one a line. Per character, whatever the kind found;
recall also for persons, places and organisations alone.
"""

import sys
from pathlib import Path

from guardrails.pii.names_zh.tagger import ChineseTagger
from guardrails.pii.names_zh.training.sample import KINDS, read_marked, score


def main() -> None:
    """See the module."""
    tagger = ChineseTagger.load()
    for path in map(Path, sys.argv[1:]):
        samples = read_marked(path)
        found = [[each[:2] for each in tagger.find(sample.text)] for sample in samples]
        result = score(samples, found)
        parts = [
            f"{kind} {score(samples, found, letter).recall:.3f}" for letter, kind in KINDS.items()
        ]
        print(
            f"{path.stem}: {len(samples)} texts, precision {result.precision:.3f},"
            f" recall {result.recall:.3f} ({', '.join(parts)}), F1 {result.f1:.3f}"
        )


if __name__ == "__main__":
    main()
