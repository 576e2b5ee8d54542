"""Draws: greedy, cuts, seeds, penalties, biases, log probabilities."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine import drawing
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


def test_choices_of_a_request_draw_apart_and_repeatably() -> None:
    params = SamplingParams(temperature=1.5, seed=42)
    first = [draws(20, params.of_choice(index)) for index in range(3)]
    assert first == [draws(20, params.of_choice(index)) for index in range(3)]
    assert first[0] == draws(20, params)
    assert len(set(map(tuple, first))) == 3


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
        ("top_k", -1),
        ("min_p", 1.1),
        ("min_tokens", 513),
        ("logprobs", 21),
        ("logit_bias", ((1, 101.0),)),
        ("logit_bias", ((-1, 1.0),)),
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


def rows_of(count: int, seed: int, vocabulary: int = 600) -> torch.Tensor:
    """Logits of which some rows are steep and some nearly flat."""
    generator = torch.Generator().manual_seed(seed)
    steepness = torch.linspace(0.05, 6.0, count)[:, None]
    return torch.randn(count, vocabulary, generator=generator) * steepness


@settings(max_examples=40, deadline=None)
@given(
    top_k=st.sampled_from([0, 1, 2, 7, 255, 256, 257, 599, 600, 5000]),
    top_p=st.sampled_from([1.0, 0.999, 0.9, 0.5, 0.1, 0.0]),
    min_p=st.sampled_from([0.0, 0.001, 0.05, 0.5, 1.0]),
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
    seed=st.integers(0, 50),
)
def test_cuts_are_those_of_transformers(
    top_k: int, top_p: float, min_p: float, temperature: float, seed: int
) -> None:
    from transformers.generation import logits_process as reference

    logits = rows_of(4, seed)
    expected = reference.TemperatureLogitsWarper(temperature)(None, logits.clone())  # pyright: ignore[reportArgumentType]
    if top_k:
        expected = reference.TopKLogitsWarper(top_k)(None, expected)  # pyright: ignore[reportArgumentType]
    if top_p < 1.0:
        expected = reference.TopPLogitsWarper(top_p)(None, expected)  # pyright: ignore[reportArgumentType]
    if min_p:
        expected = reference.MinPLogitsWarper(min_p)(None, expected)  # pyright: ignore[reportArgumentType]
    weights = torch.softmax(expected.double(), -1)
    # Each row is asked at many places of its cumulative weights instead of by chance.
    for place in (0.0, 0.1, 0.37, 0.5, 0.8, 0.99, 1 - 2**-53):
        params = SamplingParams(
            temperature=temperature, top_p=top_p, top_k=top_k, min_p=min_p, seed=1
        )
        sequences = [Sequence([1], params, 0, frozenset()) for _ in range(4)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(drawing, "uniform", lambda key, used, at=place: at)
            tokens = sample(logits.clone(), sequences)
        for row, token in enumerate(tokens):
            assert weights[row, token] > 0
            if top_k or min_p or top_p < 1.0:
                order = weights[row].sort(descending=True, stable=True)
            else:
                order = weights[row], torch.arange(600)
            total = order[0].cumsum(0)
            at = int((order[1] == token).nonzero())
            before = float(total[at - 1]) if at else 0.0
            assert before - 1e-5 <= place <= float(total[at]) + 1e-5


def sequences_of_all_kinds() -> list[Sequence]:
    kinds = [
        SamplingParams(temperature=0),
        SamplingParams(temperature=1.3, seed=1),
        SamplingParams(temperature=0.7, top_p=0.8, seed=2),
        SamplingParams(temperature=1.0, top_k=5, seed=3),
        SamplingParams(temperature=2.0, min_p=0.02, seed=4, logprobs=2),
        SamplingParams(temperature=1.0, top_p=0.95, top_k=300, min_p=0.01, seed=5),
        SamplingParams(temperature=1.0, seed=6, frequency_penalty=0.7, presence_penalty=-0.4),
        SamplingParams(temperature=0, repetition_penalty=1.4, logprobs=0),
        SamplingParams(temperature=1.0, seed=8, logit_bias=((3, 20.0), (4, -100.0))),
        SamplingParams(temperature=1.0, top_p=0.9, seed=9, loop_guard=1),
        SamplingParams(temperature=0, min_tokens=40, max_tokens=50),
    ]
    return [Sequence([1], params, 0, frozenset({7})) for params in kinds]


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(11)), size=st.integers(2, 11), seed=st.integers(0, 1000))
def test_tokens_are_the_same_in_any_company(order: list[int], size: int, seed: int) -> None:
    steps, chosen = 8, order[:size]
    alone, together = sequences_of_all_kinds(), sequences_of_all_kinds()
    for step in range(steps):
        logits = rows_of(11, seed * steps + step, 1500)
        for index in chosen:
            alone[index].append(sample(logits[[index]].clone(), [alone[index]])[0])
        tokens = sample(logits[chosen].clone(), [together[i] for i in chosen])
        for index, token in zip(chosen, tokens, strict=True):
            together[index].append(token)
    for index in chosen:
        assert alone[index].output_ids == together[index].output_ids
        assert alone[index].logprobs == together[index].logprobs


def test_a_bias_of_100_selects_and_one_of_minus_100_bans() -> None:
    logits = rows_of(1, 3)
    best = int(logits.argmax())
    only = SamplingParams(temperature=1.0, seed=1, logit_bias=((17, 100.0),))
    assert set(draws(200, only, logits[0])) == {17}
    for temperature in (0.0, 1.0):
        never = SamplingParams(temperature=temperature, seed=1, logit_bias=((best, -100.0),))
        assert best not in draws(300, never, logits[0])


def test_an_end_token_waits_for_min_tokens() -> None:
    params = SamplingParams(temperature=0, min_tokens=3, max_tokens=9)
    sequence = Sequence([1], params, 0, frozenset({1}))
    while sequence.finish_reason is None:
        sequence.append(sample(LOGITS[None].clone(), [sequence])[0])
    assert sequence.output_ids == [2, 2, 2, 1]
    assert sequence.finish_reason == "stop"


def test_logprobs_are_those_of_the_model_whatever_changes_the_draw() -> None:
    logits = rows_of(2, 5)
    params = SamplingParams(
        temperature=1.7, top_k=4, seed=2, logprobs=3, frequency_penalty=1.0, logit_bias=((9, 50.0),)
    )
    sequences = [
        Sequence([1], params, 0, frozenset(), output_ids=[4, 4]),
        Sequence([1], SamplingParams(temperature=0, logprobs=20), 0, frozenset()),
    ]
    tokens = sample(logits.clone(), sequences)
    assert tokens[0] == 9
    for row, (sequence, token, count) in enumerate(zip(sequences, tokens, (3, 20), strict=True)):
        expected = torch.log_softmax(logits[row].double(), -1)
        (found,) = sequence.logprobs
        assert found.token_id == token
        assert found.logprob == pytest.approx(float(expected[token]), abs=1e-5)
        values, ids = expected.topk(count)
        assert [i for i, _ in found.top] == ids.tolist()
        assert [v for _, v in found.top] == pytest.approx(values.tolist(), abs=1e-5)
