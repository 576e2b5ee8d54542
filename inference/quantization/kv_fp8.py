"""Cache entries in FP8: DeepSeek's layout of compressed keys (``fp8_ds_mla``).

A key of 512 numbers, the last 64 of them turned by position, is

    448 E4M3 codes | 64 bfloat16 | 7 E8M0 scales, one per 64 codes | 1 unused byte = 584 bytes

The turned numbers stay bfloat16, since an error in them is an error of position. Entries lie in
pages of 64: the data of all of them, then the scales of all of them, padded to a multiple of one
entry's data (576).
"""

import torch
from torch.nn.functional import pad

from inference.quantization.fp8_block import LARGEST
from inference.quantization.scales import grouped, power_above, power_value, spread

GROUP = 64
_SCALES = 8  # scale bytes come in multiples of this


class KeyCodec:
    """Keys [n, width] as bytes and back."""

    def __init__(self, width: int, rope: int) -> None:
        self.width, self.plain = width, width - rope
        self.data_bytes = self.plain + 2 * rope
        self.scale_bytes = -(-self.plain // (GROUP * _SCALES)) * _SCALES
        self.alignment = self.data_bytes

    def encode(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """uint8 [n, data_bytes] and [n, scale_bytes].

        A number beyond the largest scale is cut; a NaN stays one and touches no other number.
        """
        codes, scales = quantise_rows(keys[:, : self.plain], GROUP)
        turned = keys[:, self.plain :].to(torch.bfloat16).contiguous().view(torch.uint8)
        missing = self.scale_bytes - scales.shape[-1]
        return torch.cat([codes.view(torch.uint8), turned], -1), pad(scales, (0, missing))

    def decode(self, data: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """float32 [..., width]."""
        codes = data[..., : self.plain].contiguous().view(torch.float8_e4m3fn).float()
        turned = data[..., self.plain :].contiguous().view(torch.bfloat16).float()
        groups = -(-self.plain // GROUP)
        values = spread(power_value(scales[..., :groups].contiguous()), GROUP, self.plain)
        return torch.cat([codes * values, turned], dim=-1)


def quantise_rows(rows: torch.Tensor, group: int) -> tuple[torch.Tensor, torch.Tensor]:
    """E4M3 codes [n, width] of numbers, and E8M0 bytes [n, ceil(width / group)]."""
    wide = rows.float()
    limit = torch.finfo(torch.float32).max
    sizes = wide.abs().nan_to_num(nan=0.0, posinf=limit)
    scales = power_above(grouped(sizes, group).amax(-1), LARGEST)
    scaled = wide / spread(power_value(scales), group, wide.shape[-1])
    return scaled.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scales
