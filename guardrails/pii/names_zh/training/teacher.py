"""Label Chinese texts with LAC (Baidu, Apache-2.0), the teacher of the silver samples.

Runs in an environment of its own, never in the gateway's (``MODEL_CARD.md`` says how to make it):
``python teacher.py IN.jsonl OUT.jsonl``. Rows of IN have a ``text``; rows of OUT have a piece of
a text and its ``words`` as (length, tag) pairs, where PER, LOC, ORG are names.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_BATCH: Final = 64
_PIECE: Final = 180
_SENTENCES: Final = re.compile(r"(?<=[。！？!?\n；;])")


def pieces(text: str) -> Iterator[str]:
    """Whole sentences, up to about 180 characters together; a longer one is cut."""
    current = ""
    for sentence in _SENTENCES.split(text):
        if current and len(current) + len(sentence) > _PIECE:
            yield current
            current = ""
        current += sentence
        while len(current) > 2 * _PIECE:
            yield current[: 2 * _PIECE]
            current = current[2 * _PIECE :]
    if current.strip():
        yield current


def label(source: Path, target: Path) -> None:
    """Write the words and tags of every text of ``source``."""
    lac = _load()
    rows = [json.loads(line) for line in source.read_text("utf-8").split("\n") if line]
    texts = sorted((piece for row in rows for piece in pieces(row["text"])), key=len)
    with target.open("w", encoding="utf-8") as out:
        for first in range(0, len(texts), _BATCH):
            batch = texts[first : first + _BATCH]
            for text, (words, tags) in zip(batch, lac.run(list(batch)), strict=True):
                if "".join(words) == text:
                    pairs = [[len(word), tag] for word, tag in zip(words, tags, strict=True)]
                    row = json.dumps({"text": text, "words": pairs}, ensure_ascii=False)
                    out.write(row + "\n")


def _load() -> Any:
    import LAC.models  # pyright: ignore[reportMissingImports]

    folder = Path(LAC.models.__file__).parent / "lac_model"
    return LAC.models.LacModel(str(folder), "lac", False)


if __name__ == "__main__":
    label(Path(sys.argv[1]), Path(sys.argv[2]))
