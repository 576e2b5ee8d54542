"""Keys of the indexer in 8 or 4 bits, in the published layouts.

A key of 128 numbers is 128 E4M3 codes and one float32 scale (132 bytes), or 64 bytes of MXFP4 and
four E8M0 scales (68 bytes). Before that it is turned by a Hadamard matrix, which spreads a large
number over all of them; turned queries would give the same products, and reading turns keys back.
"""

import torch

from inference.quantization import mxfp4
from inference.quantization.kv_fp8 import quantise_rows
from inference.quantization.scales import grouped, power_above, power_value, spread


def hadamard(rows: torch.Tensor) -> torch.Tensor:
    """Rows [..., n] times the orthogonal Hadamard matrix of n, which is its own inverse.

    Raises:
        ValueError: n is no power of two.
    """
    width = rows.shape[-1]
    if width & (width - 1):
        raise ValueError(f"A Hadamard matrix of this kind has 2 ** k rows, not {width}.")
    step = 1
    while step < width:
        pairs = rows.unflatten(-1, (-1, 2, step))
        low, high = pairs[..., 0, :], pairs[..., 1, :]
        rows = torch.stack([low + high, low - high], dim=-2).flatten(-3)
        step *= 2
    return rows * width**-0.5


class Fp8IndexCodec:
    """E4M3 with one power of two per key, kept as float32."""

    alignment = 1

    def __init__(self, width: int) -> None:
        self.width = self.data_bytes = width
        self.scale_bytes = 4

    def encode(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """uint8 [n, width] and [n, 4]."""
        codes, scales = quantise_rows(hadamard(keys.float()), self.width)
        return codes.view(torch.uint8), power_value(scales).view(torch.uint8)

    def decode(self, data: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """float32 [..., width]."""
        codes = data.contiguous().view(torch.float8_e4m3fn).float()
        return hadamard(codes * scales.contiguous().view(torch.float32))


class Mxfp4IndexCodec:
    """MXFP4, two numbers in a byte."""

    alignment = 1

    def __init__(self, width: int) -> None:
        self.width, self.data_bytes = width, width // 2
        self.scale_bytes = -(-width // mxfp4.GROUP)

    def encode(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """uint8 [n, width / 2] and [n, ceil(width / 32)]."""
        turned = hadamard(keys.float())
        sizes = turned.abs().nan_to_num(nan=0.0, posinf=torch.finfo(torch.float32).max)
        scales = power_above(grouped(sizes, mxfp4.GROUP).amax(-1), mxfp4.LARGEST)
        scaled = turned / spread(power_value(scales), mxfp4.GROUP, self.width)
        return mxfp4.join_halves(mxfp4.encode(scaled)), scales

    def decode(self, data: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """float32 [..., width]."""
        return hadamard(mxfp4.unpack(data, scales.contiguous()))
