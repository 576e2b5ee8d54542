"""The tokens on which neurons are watched: chats written for this, and Python's own help texts.

Both come with the code, so a conversion needs no network and is repeatable.
"""

from importlib import resources
from pydoc_data import topics

import torch
from tokenizers import Tokenizer

ROWS = 10
POSITIONS = 256
HELP_TOPICS = ("for", "strings", "exceptions", "import", "comparisons", "truth")


def calibration_ids(tokenizer: Tokenizer) -> torch.Tensor:
    """[ROWS, POSITIONS] int64, most of it chats."""
    text = _chats() + "\n\n".join(topics.topics[name][:900] for name in HELP_TOPICS)
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    needed = ROWS * POSITIONS
    repeated = (ids * (needed // len(ids) + 1))[:needed]
    return torch.tensor(repeated).view(ROWS, POSITIONS)


def _chats() -> str:
    """The calibration file with question and answer put into chat turns."""
    text = (resources.files("inference.convert") / "calibration.txt").read_text(encoding="utf-8")
    parts = [part.strip() for part in text.split("###")]
    return "".join(_turns(part) for part in parts)


def _turns(part: str) -> str:
    question, newline, answer = part.partition("\n")
    if not newline or not question.endswith(("?", ".", '"', "!")):
        return part + "\n\n"
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n"
