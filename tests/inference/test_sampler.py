"""Draws: greedy, nucleus, seeds, penalties."""

from collections import Counter

import pytest
import torch

from inference.engine.sampler import sample
from inference.engine.sequence import Sequence
from inference.errors import RequestInvalid
from inference.sampling_params import SamplingDefaults, SamplingParams

LOGITS = torch.tensor([1.0, 3.0, 2.0, -1.0, 0.5])


def draws(count: int, params: SamplingParams, logits: torch.Tensor = LOGITS) -> list[int]:
    sequence = Sequence([1], params, 0, frozenset())
    return [sample(logits[None].clone(), [sequence])[0] for _ in range(count)]


def test_temperature_zero_takes_the_most_likely() -> None:
    assert draws(3, SamplingParams(temperature=0)) == [1, 1, 1]


@pytest.mark.parametrize("top_p", [1.0, 0.9999999])
def test_frequencies_follow_the_softmax(top_p: float) -> None:
    count = 4000
    found = Counter(draws(count, SamplingParams(temperature=1.0, top_p=top_p, seed=3)))
    for token, probability in enumerate(torch.softmax(LOGITS, 0).tolist()):
        spread = 4 * (probability * (1 - probability) / count) ** 0.5
        assert abs(found[token] / count - probability) <= spread


def test_nucleus_keeps_the_fewest_tokens_that_reach_top_p() -> None:
    # softmax: token 1 has 0.62, token 2 has 0.23, token 0 has 0.08
    assert set(draws(300, SamplingParams(top_p=0.6, seed=1))) == {1}
    assert set(draws(300, SamplingParams(top_p=0.7, seed=1))) == {1, 2}
    assert set(draws(300, SamplingParams(top_p=0.9, seed=1))) == {0, 1, 2}


def test_a_wide_nucleus_is_sorted_whole() -> None:
    flat = torch.zeros(2000)
    found = set(draws(1500, SamplingParams(top_p=0.9, seed=1), flat))
    assert len(found) > 800


def test_a_seed_repeats_its_draws_in_any_company() -> None:
    params = SamplingParams(temperature=1.5, seed=42)
    alone = draws(20, params)
    sequence, other = (
        Sequence([1], params, 0, frozenset()),
        Sequence([1], SamplingParams(temperature=1.0), 0, frozenset()),
    )
    together = [sample(LOGITS.repeat(2, 1), [other, sequence])[1] for _ in range(20)]
    assert together == alone
    assert draws(20, SamplingParams(temperature=1.5, seed=43)) != alone


def test_penalties_push_used_tokens_down() -> None:
    for params in (
        SamplingParams(temperature=0, frequency_penalty=1.5),
        SamplingParams(temperature=0, presence_penalty=1.5),
    ):
        sequence = Sequence([1], params, 0, frozenset(), output_ids=[1])
        assert sample(LOGITS[None].clone(), [sequence]) == [2]
    params = SamplingParams(temperature=0, repetition_penalty=2.0)
    sequence = Sequence([2], params, 0, frozenset(), output_ids=[1])
    assert sample(LOGITS[None].clone(), [sequence]) == [2]  # prompt tokens are left alone


def test_the_loop_guard_breaks_a_loop_but_not_greedy_decoding() -> None:
    looping = [1, 2, 1, 2, 1]  # token 2 followed [2, 1] before
    steep = torch.tensor([0.0, 0.0, 4.0, 1.0, 0.0])
    for temperature, expected in ((0.01, 3), (0.0, 2)):
        params = SamplingParams(temperature=temperature, loop_guard=2, seed=1)
        sequence = Sequence([1], params, 0, frozenset(), output_ids=list(looping))
        assert sample(steep[None].clone(), [sequence]) == [expected]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("top_p", 1.5),
        ("max_tokens", 0),
        ("frequency_penalty", 3.0),
        ("stop", ("",)),
        ("stop", ("x",) * 17),
    ],
)
def test_values_out_of_range_name_their_field(field: str, value: object) -> None:
    with pytest.raises(RequestInvalid) as raised:
        SamplingParams(**{field: value})  # pyright: ignore[reportArgumentType]
    assert raised.value.param == field


def test_defaults_come_from_the_generation_config() -> None:
    raw = {"do_sample": True, "temperature": 0.3, "top_p": 0.8}
    assert SamplingDefaults.from_generation_config(raw).temperature == 0.3
    assert SamplingDefaults.from_generation_config({"do_sample": False}).temperature == 0.0
    assert SamplingDefaults.from_generation_config({}).top_p == 1.0
