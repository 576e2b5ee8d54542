"""FP8 blocks, MXFP4, INT8 and INT4: fixed points, errors within half a step, and transformers."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.quantization import fp8_block, int4, int8, mxfp4
from inference.quantization.scales import power_above, power_value

SEEDS = st.integers(0, 2**31)
SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))
BLOCK = (32, 24)


def random(seed: int, shape: tuple[int, int]) -> torch.Tensor:
    """Numbers of very different sizes, zeros among them."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(-30, 30, (shape[0], 1), generator=generator).float().exp2()
    mask = torch.rand(shape, generator=generator) > 0.1
    return torch.randn(shape, generator=generator) * sizes * mask


def fp8_trip(weight: torch.Tensor) -> torch.Tensor:
    return fp8_block.unpack(*fp8_block.pack(weight, BLOCK), BLOCK)


def mxfp4_trip(weight: torch.Tensor) -> torch.Tensor:
    return mxfp4.unpack(*mxfp4.pack(weight))


@given(SEEDS, SHAPES)
@settings(max_examples=15, deadline=None)
def test_what_was_quantised_stays(seed: int, shape: tuple[int, int]) -> None:
    weight = random(seed, (shape[0], 2 * shape[1]))
    for trip in (fp8_trip, mxfp4_trip):
        once = trip(weight)
        assert torch.equal(trip(once), once)
        assert torch.equal(once, once.to(torch.bfloat16).float())


def test_every_code_is_a_fixed_point() -> None:
    codes = torch.arange(256).to(torch.uint8).view(torch.float8_e4m3fn).float()
    finite = codes[~codes.isnan()]
    assert len(finite) == 254
    assert torch.equal(fp8_trip(finite[None] * 2.0**-9), finite[None] * 2.0**-9)
    exact = fp8_block.pack(finite[None], (1, 254), "float32")
    assert torch.equal(fp8_block.unpack(*exact, (1, 254)), finite[None])
    halves = mxfp4.decode(torch.arange(16).to(torch.uint8))
    assert torch.equal(mxfp4.encode(halves), torch.arange(16).to(torch.uint8))
    assert torch.equal(mxfp4_trip(halves[None] * 2.0**40), halves[None] * 2.0**40)
    steps = torch.arange(-127, 128).float()[:, None].repeat(1, 32) * 0.375
    steps[:, 7] = 127 * 0.375
    assert torch.equal(int8.unpack(*int8.pack(steps)), steps)
    sixteen = (torch.arange(32) % 16)[None] * 0.75 - 3.5
    assert torch.equal(int4.unpack(*int4.pack(sixteen), 32), sixteen)


def _fp8_step(weight: torch.Tensor) -> torch.Tensor:
    scales = fp8_block.pack(weight, BLOCK)[1]
    every = fp8_block._over_blocks(scales, BLOCK, weight.shape)
    # Eight steps from one power of two to the next, down to 2 ** -6.
    power = torch.frexp((weight / every).abs())[1].clamp(min=-5) - 1
    return every * (power - 3).float().exp2()


def _mxfp4_step(weight: torch.Tensor) -> torch.Tensor:
    scales = power_value(mxfp4.pack(weight)[1]).repeat_interleave(32, 1)[:, : weight.shape[1]]
    sizes = (weight / scales).abs()
    return scales * torch.where(sizes <= 2, 0.5, torch.where(sizes <= 4, 1.0, 2.0))


@given(SEEDS, SHAPES)
@settings(max_examples=15, deadline=None)
def test_a_number_is_off_by_half_a_step(seed: int, shape: tuple[int, int]) -> None:
    weight = random(seed, (shape[0], 2 * shape[1]))
    steps: list[tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]] = [
        (fp8_trip, _fp8_step(weight)),
        (mxfp4_trip, _mxfp4_step(weight)),
    ]
    for trip, step in steps:
        assert ((trip(weight) - weight).abs() <= step / 2).all()


@given(SEEDS, SHAPES)
@settings(max_examples=15, deadline=None)
def test_whole_numbers_are_off_by_half_a_step(seed: int, shape: tuple[int, int]) -> None:
    weight = random(seed, shape)
    codes, scales = int8.pack(weight)
    step = scales.float().repeat_interleave(32, 1)[:, : shape[1]]
    assert ((int8.unpack(codes, scales) - weight).abs() <= step * 0.5001).all()
    halves, steps, least = int4.pack(weight)
    assert halves.shape == (shape[0], (shape[1] + 1) // 2)
    step, start = (part.float().repeat_interleave(32, 1)[:, : shape[1]] for part in (steps, least))
    worst = step * 0.501 + start.abs() * 2.0**-8
    assert ((int4.unpack(halves, steps, least, shape[1]) - weight).abs() <= worst).all()


@given(st.floats(0, 2.0**127, width=32), st.sampled_from([6.0, 448.0]))
def test_a_scale_is_the_least_that_cuts_nothing(most: float, largest: float) -> None:
    scale = power_above(torch.tensor([most]), largest)
    value = power_value(scale).double().item()
    assert most <= largest * value
    if most > 0 and scale.item() > 0:
        assert most > largest * value / 2
    assert most or value == 1


def test_what_is_no_number() -> None:
    for bad in (float("nan"), float("inf"), float("-inf")):
        weight = torch.zeros(2, 32)
        weight[1, 3] = bad
        for pack in (fp8_block.pack, mxfp4.pack, int8.pack, int4.pack):
            with pytest.raises(ValueError, match="cannot be quantised"):
                pack(weight)
    with pytest.raises(ValueError, match="even number"):
        mxfp4.pack(torch.zeros(2, 3))
    assert power_value(torch.tensor([0, 127, 254, 255]).to(torch.uint8))[:3].tolist() == [
        2.0**-127,
        1.0,
        2.0**127,
    ]
    nothing = torch.zeros(3, 64)
    assert not mxfp4_trip(nothing).any()
    assert not int4.unpack(*int4.pack(nothing), 64).any()
    codes = fp8_block.pack(nothing)[0]
    scales = torch.full((1, 1), 255, dtype=torch.uint8)
    assert fp8_block.unpack(codes, scales).isnan().all()


def test_transformers_reads_what_is_packed() -> None:
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize

    theirs = Fp8Dequantize(None)
    weight = random(5, (256, 384))
    codes, scales = mxfp4.pack(weight)
    read = theirs._dequantize_one(codes.view(torch.int8), scales, torch.float32)
    assert torch.equal(read, mxfp4.unpack(codes, scales))
    for scale_format in ("ue8m0", "float32"):
        codes, scales = fp8_block.pack(weight, scale_format=scale_format)
        read = theirs._dequantize_one(codes, scales, torch.float32)
        assert torch.equal(read, fp8_block.unpack(codes, scales))
