"""Cache entries in few bits: the published bytes, fixed points, errors, and what is no number."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.quantization import Fp8IndexCodec, KeyCodec, Mxfp4IndexCodec, PagedEntries, hadamard
from inference.quantization.pages import Codec

CPU = torch.device("cpu")


def entries(codec: Codec, count: int) -> PagedEntries:
    return PagedEntries(count, codec, CPU, torch.float32)


def test_bytes_are_the_published_ones() -> None:
    keys = KeyCodec(512, 64)
    assert (keys.plain, keys.data_bytes, keys.scale_bytes) == (448, 576, 8)
    pages = entries(keys, 130)
    assert pages.storage.shape == (3, 65 * 576)
    assert pages.nbytes == 130 * 584
    assert entries(Fp8IndexCodec(128), 64).storage.shape == (1, 64 * 132)
    assert entries(Mxfp4IndexCodec(128), 64).storage.shape == (1, 64 * 68)

    row = torch.arange(512.0)[None] / 8
    pages[torch.tensor([65])] = row
    page = pages.storage[1]
    assert torch.equal(page[576 : 576 + 448].view(torch.float8_e4m3fn)[:9].float(), row[0, :9] * 32)
    assert torch.equal(page[1024:1152].view(torch.bfloat16), row[0, 448:].to(torch.bfloat16))
    scales = page[64 * 576 :].unflatten(0, (-1, 8))[1].tolist()
    assert scales == [122, 123, 123, 124, 124, 124, 124, 0]


@given(st.integers(0, 2**31), st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_keys_come_back_within_a_step(seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(count, 512, generator=generator)
    rows *= torch.randint(-20, 20, (count, 1), generator=generator).float().exp2()
    places = torch.randperm(200, generator=generator)[:count]
    pages = entries(KeyCodec(512, 64), 200)
    pages[places] = rows
    read = pages[places]
    most = rows[:, :448].abs().unflatten(1, (7, 64)).amax(-1, keepdim=True)
    error = (read - rows)[:, :448].unflatten(1, (7, 64)).abs()
    assert (error <= most / 14).all()  # at most 2 * most / 448 of scale, 16 of half a step
    assert torch.equal(read[:, 448:], rows[:, 448:].to(torch.bfloat16).float())
    assert not pages[torch.tensor([i for i in range(200) if i not in places.tolist()])].any()
    pages[places] = read
    assert torch.equal(pages[places], read)


@pytest.mark.parametrize(
    ("codec", "worst"), [(Fp8IndexCodec(128), 0.04), (Mxfp4IndexCodec(128), 0.16)]
)
def test_index_keys_keep_their_products(codec: Codec, worst: float) -> None:
    torch.manual_seed(3)
    rows, queries = torch.randn(40, 128), torch.randn(8, 128)
    rows[:, 5] *= 30  # one channel much larger than the others
    pages = entries(codec, 64)
    places = torch.arange(40)
    pages[places] = rows
    off = (pages[places[None]] - rows).norm() / rows.norm()
    assert off < worst
    assert torch.equal(pages.rounded(rows[None]), pages[places[None]])  # as queries are
    turned = hadamard(queries) @ hadamard(rows).T
    assert torch.allclose(turned, queries @ rows.T, atol=1e-4)


def test_a_nan_stays_where_it_is() -> None:
    rows = torch.randn(2, 512)
    rows[0, 3], rows[1, 70] = float("nan"), float("inf")
    pages = entries(KeyCodec(512, 64), 2)
    pages[torch.arange(2)] = rows
    read = pages[torch.arange(2)]
    assert read.isnan().nonzero().tolist() == [[0, 3]]
    assert read[1, 70] > 1e38
    with pytest.raises(ValueError, match=r"2 \*\* k rows"):
        hadamard(torch.zeros(2, 12))
