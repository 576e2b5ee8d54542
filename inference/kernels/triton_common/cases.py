"""Cases of kernels whose arguments are the same for every accelerator."""

import torch

from inference.kernels.triton_common.spec import Case, bytes_of


def norm_case(device: torch.device, *, rows: int, width: int) -> Case:
    """Of `reference.deepseek_v4_seams.norm_rows`."""
    generator = torch.Generator(device).manual_seed(0)
    given = torch.randn(rows, width, device=device, generator=generator).bfloat16()
    weight = torch.rand(width, device=device, generator=generator)
    positions = torch.arange(rows, device=device)
    return Case(
        {"rows": given, "weight": weight, "eps": 1e-6, "positions": positions},
        floor_bytes=2 * bytes_of(given) + bytes_of(weight, positions),
        operations=4 * rows * width,
    )


def head_case(device: torch.device, *, tokens: int, width: int, reads: int = 1) -> Case:
    """Of `reference.deepseek_v4_seams.leave_streams`.

    Args:
        reads: how often the streams must be read.
    """
    generator = torch.Generator(device).manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, generator=generator)

    streams, function = draw(tokens, 4, width).bfloat16(), draw(4, 4 * width) * width**-0.5
    arguments = {
        "streams": streams,
        "function": function,
        "scale": draw(1),
        "base": draw(4),
        "norm_weight": draw(width),
        "hc_eps": 1e-6,
        "norm_eps": 1e-6,
    }
    return Case(
        arguments,
        floor_bytes=reads * bytes_of(streams)
        + bytes_of(function)
        + 4 * (5 + width)
        + tokens * 2 * width,
        operations=tokens * width * 4 * (2 * 4 + 2 + 2),
    )
