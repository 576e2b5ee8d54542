"""Behind ``sovgate model convert DIR --weights ...``: rewrite, sign, and say what it cost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer as FastTokenizer

from inference.checkpoint import Checkpoint
from inference.convert.calibration import calibration_ids
from inference.convert.weight_errors import compare
from inference.convert.weight_formats import TARGETS, Target, rewrite
from inference.parallel import Layout
from inference.parallel.memory import part_bytes
from inference.provenance import create_key, sign_directory
from inference.tokenizer import Tokenizer

__all__ = ["TARGETS", "rewrite_and_sign"]

_DEVICES = (1, 2, 4, 8)
_TOKENS = 256  # of the calibration text that errors are measured on


def rewrite_and_sign(
    source: Path,
    out: Path,
    target: Target,
    key: Path,
    progress: Callable[[str], None],
    *,
    with_report: bool,
) -> dict[str, Any]:
    """A JSON object: bytes, by devices that share the experts too, and with a report the errors.

    Raises:
        CheckpointInvalid: the source is not readable, or ``out`` holds other files.
    """
    signer = create_key(key)
    done = rewrite(source, out, target, progress)
    found: dict[str, Any] = {
        "out": str(out),
        "weights": target,
        "rewritten": done.weights,
        "bytes_before": done.bytes_before,
        "bytes_after": done.bytes_after,
        "bytes_per_device": _per_device(out),
    }
    if with_report:
        progress("measuring")
        tokenizer = FastTokenizer.from_str(Tokenizer.load(source).to_json())
        ids = calibration_ids(tokenizer)[0, :_TOKENS].tolist()
        found["error"] = compare(source, out, ids).as_json()
    signed = sign_directory(out, signer)
    return {**found, "weights_digest": signed.weights_digest, "signed_by": signed.key_id}


def _per_device(directory: Path) -> dict[str, int]:
    """Bytes of weights on each of n devices that share the experts."""
    checkpoint = Checkpoint(directory, torch.device("cpu"), torch.bfloat16)
    return {str(n): part_bytes(checkpoint, Layout(expert=n)) for n in _DEVICES}
