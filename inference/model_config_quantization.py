"""What a checkpoint's ``quantization_config`` says; no torch here.

How each tensor is kept is seen in the file (``inference.quantization.stored``); this says how large
blocks are, and refuses what is kept in another way.
"""

from dataclasses import dataclass
from typing import Any

from inference.errors import CheckpointUnsupported

_PUBLISHED_BLOCK = (128, 128)
_EXPERTS = ("fp4", "fp8", None)
OWN_METHOD = "sovgate"  # int8 and int4 as `inference.quantization` packs them


@dataclass(frozen=True, slots=True)
class QuantizationConfig:
    """Block of FP8 weights: (outputs, inputs) that share a scale."""

    block: tuple[int, int] = _PUBLISHED_BLOCK


def parse_quantization(raw: dict[str, Any]) -> QuantizationConfig:
    """Of a ``config.json`` object, quantised or not.

    Raises:
        CheckpointUnsupported: weights are kept in a way that is not read here.
    """
    given = raw.get("quantization_config") or {}
    method = given.get("quant_method")
    if not given or method == OWN_METHOD:
        return QuantizationConfig()
    experts = given.get("expert_dtype", raw.get("expert_dtype"))
    known = method == "fp8" and given.get("fmt", "e4m3") == "e4m3" and experts in _EXPERTS
    if not known or given.get("activation_scheme", "dynamic") != "dynamic":
        raise CheckpointUnsupported(
            f"Quantised weights of kind {method!r} are not read here; FP8 in blocks and MXFP4 "
            "experts are. Convert the checkpoint to one of them, or to bfloat16."
        )
    block = given.get("weight_block_size") or _PUBLISHED_BLOCK
    return QuantizationConfig((int(block[0]), int(block[1])))
