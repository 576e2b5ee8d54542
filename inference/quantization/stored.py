"""A quantised weight as it lies in a checkpoint.

Beside ``<name>.weight`` stands ``<name>.scale`` (DeepSeek-V4) or ``<name>.weight_scale_inv``
(DeepSeek-V3), and for our INT4 ``<name>.least``. Which format it is follows from the dtypes:

    fp8     F8_E4M3 [out, in]     scale F8_E8M0 or F32 [out / block, in / block]
    mxfp4   I8, U8 or F4, 2 a byte  scale F8_E8M0 (or its bytes) [out, in / 32]
    int8    I8 [out, in]          scale BF16 [out, in / 32]
    int4    U8 [out, in / 2]      scale, least BF16 [out, in / 32]
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch

from inference.quantization import fp8_block, int4, int8, mxfp4
from inference.quantization.scales import as_bytes

Format = Literal["fp8", "mxfp4", "int8", "int4"]
FORMATS: tuple[Format, ...] = get_args(Format)
WEIGHT = ".weight"
SCALES = (".scale", ".weight_scale_inv")  # ends of names beside a weight's
LEAST = ".least"
COMPANIONS = (*SCALES, LEAST)
_POWERS = (torch.uint8, torch.float8_e8m0fnu)
_HALVES = (torch.int8, torch.uint8, torch.float4_e2m1fn_x2)


@dataclass(frozen=True, slots=True)
class StoredWeight:
    """Codes, scales and, for INT4, least numbers of one weight [out, in]."""

    format: Format
    codes: torch.Tensor
    scales: torch.Tensor
    least: torch.Tensor | None = None
    block: tuple[int, int] = fp8_block.BLOCK

    def values(self) -> torch.Tensor:
        """float32 [out, in]."""
        if self.format == "fp8":
            return fp8_block.unpack(self.codes, self.scales, self.block)
        if self.format == "mxfp4":
            return mxfp4.unpack(self.codes, self.scales)
        if self.format == "int8":
            return int8.unpack(self.codes, self.scales)
        assert self.least is not None
        return int4.unpack(self.codes, self.scales, self.least, 2 * self.codes.shape[-1])

    def tensors(self, stem: str, scale_name: str = "scale") -> dict[str, torch.Tensor]:
        """By the names that they have in a file."""
        parts = {"weight": self.codes, scale_name: self.scales}
        if self.least is not None:
            parts["least"] = self.least
        return {f"{stem}.{part}": tensor.contiguous() for part, tensor in parts.items()}

    @property
    def nbytes(self) -> int:
        parts = (self.codes, self.scales, self.least)
        return sum(part.nbytes for part in parts if part is not None)


def weight_name(name: str) -> str:
    """The weight that scales or least numbers belong to; any other name as it is."""
    end = next((end for end in COMPANIONS if name.endswith(end)), None)
    return name if end is None else name.removesuffix(end) + WEIGHT


def quantise(
    weight: torch.Tensor,
    to: Format,
    *,
    block: tuple[int, int] = fp8_block.BLOCK,
    scale_format: fp8_block.ScaleFormat = "ue8m0",
) -> StoredWeight:
    """Pack a weight [out, in]; block and format of scales are FP8's.

    Raises:
        ValueError: a number is not finite, or ``in`` is odd where two share a byte.
    """
    if to == "fp8":
        return StoredWeight(to, *fp8_block.pack(weight, block, scale_format), block=block)
    if to == "mxfp4":
        return StoredWeight(to, *mxfp4.pack(weight))
    if to == "int8":
        return StoredWeight(to, *int8.pack(weight))
    if weight.shape[-1] % 2:
        raise ValueError("INT4 keeps two numbers in a byte; a row needs an even number of inputs.")
    return StoredWeight(to, *int4.pack(weight))


def recognise(
    codes: torch.Tensor,
    scales: torch.Tensor,
    least: torch.Tensor | None,
    block: tuple[int, int],
) -> StoredWeight:
    """What three tensors of a file are.

    Raises:
        ValueError: their dtypes or shapes fit no format.
    """
    if codes.dim() != 2 or scales.dim() != 2:
        raise ValueError("a quantised weight and its scales have two dimensions")
    kind = _format(codes, scales, least)
    rows, columns = codes.shape
    if kind == "fp8":
        wanted = (-(-rows // block[0]), -(-columns // block[1]))
    else:
        inputs = columns * (1 if kind == "int8" else 2)
        wanted = (rows, -(-inputs // mxfp4.GROUP))
    if scales.shape != wanted:
        raise ValueError(f"{kind} needs scales {list(wanted)}, not {list(scales.shape)}")
    if kind == "mxfp4":
        codes, scales = as_bytes(codes), as_bytes(scales).view(torch.float8_e8m0fnu)
    return StoredWeight(kind, codes, scales, least, block)


def _format(codes: torch.Tensor, scales: torch.Tensor, least: torch.Tensor | None) -> Format:
    if codes.dtype == torch.float8_e4m3fn and scales.dtype in (*_POWERS, torch.float32):
        return "fp8"
    if codes.dtype in _HALVES and scales.dtype in _POWERS:
        return "mxfp4"
    if scales.dtype == torch.bfloat16 and codes.dtype == torch.int8 and least is None:
        return "int8"
    if scales.dtype == torch.bfloat16 and codes.dtype == torch.uint8 and least is not None:
        return "int4"
    raise ValueError(f"{codes.dtype} with scales of {scales.dtype} is no format that is read here")
