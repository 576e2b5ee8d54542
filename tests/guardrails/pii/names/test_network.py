"""The numpy tagger and its torch twin compute the same."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from guardrails.pii.names.decode import Decoder
from guardrails.pii.names.network import TaggerNetwork, TokenVectors
from guardrails.pii.names.training.network import Shape, TaggerModel, pad

LABELS = ("O", "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION")
SHAPE = Shape(rows=50, slots=(1, 2, 3), labels=LABELS, embedding=8, hidden=24, width=16)


@pytest.fixture
def model() -> TaggerModel:
    torch.manual_seed(5)
    return TaggerModel(SHAPE).eval()


@pytest.fixture
def network(model: TaggerModel, tmp_path: Path) -> TaggerNetwork:
    model.export(tmp_path / "weights.npz")
    return TaggerNetwork.load(tmp_path / "weights.npz")


def _rows(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, SHAPE.rows, (count, 6)).astype(np.int32)


def test_parity_with_the_torch_twin_for_every_length(
    model: TaggerModel, network: TaggerNetwork
) -> None:
    texts = [_rows(count) for count in (1, 2, 3, 5, 40, 255, 256, 257, 600)]
    offsets = np.cumsum([0, *map(len, texts)])
    places = pad([range(a, b) for a, b in pairwise(offsets)])
    with torch.no_grad():
        logits = model(torch.from_numpy(np.concatenate(texts)).long(), places)
    for rows, expected in zip(texts, torch.softmax(logits, dim=2).numpy(), strict=True):
        np.testing.assert_allclose(network.tag(rows), expected[: len(rows)], atol=0.01)


def test_parity_tells_a_changed_layer(model: TaggerModel, network: TaggerNetwork) -> None:
    with torch.no_grad():
        model.convolutions[2].weight *= -1  # type: ignore[operator]
        logits = model(torch.from_numpy(_rows(9)).long(), pad([range(9)]))
    assert np.abs(network.tag(_rows(9)) - torch.softmax(logits, dim=2).numpy()[0]).max() > 0.01


def test_nothing_gives_nothing(network: TaggerNetwork) -> None:
    assert network.scores(np.zeros((0, 16), np.float32)).shape == (0, 5)


def test_a_token_is_encoded_once(network: TaggerNetwork) -> None:
    asked: list[str] = []

    def featurise(key: str) -> Sequence[int]:
        asked.append(key)
        return _rows(len(key))[0].tolist()

    cache = TokenVectors(network, featurise, capacity=8)
    first = cache.of(["a", "bb", "a"])
    assert asked == ["a", "bb"]
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(cache.of(["bb", "a"]), first[[1, 0]])
    assert asked == ["a", "bb"]


@pytest.mark.parametrize("capacity", [4, 7, 16])
def test_a_full_cache_stays_right_and_bounded(network: TaggerNetwork, capacity: int) -> None:
    def featurise(key: int) -> Sequence[int]:
        return _rows(key + 1)[0].tolist()

    cache = TokenVectors(network, featurise, capacity=capacity)
    generator = np.random.default_rng(3)
    for _ in range(60):
        keys = generator.integers(0, 20, generator.integers(1, 25)).tolist()
        expected = network.vectors(np.array([featurise(key) for key in keys], np.int32))
        np.testing.assert_allclose(cache.of(keys), expected, rtol=1e-4, atol=1e-5)
    assert len(cache._places) <= capacity


def test_decoder_joins_splits_and_drops() -> None:
    decoder = Decoder(LABELS, {"PERSON": 0.3, "LOCATION": 0.6})
    rows = np.array(
        [
            [0.1, 0.8, 0.1, 0.0, 0.0],
            [0.6, 0.1, 0.3, 0.0, 0.0],  # weak, but enough for a person
            [0.1, 0.7, 0.2, 0.0, 0.0],  # begins another one
            [0.5, 0.0, 0.0, 0.3, 0.2],  # too weak for a place
            [0.1, 0.0, 0.1, 0.5, 0.3],
            [0.1, 0.0, 0.1, 0.1, 0.7],
        ],
        np.float32,
    )
    spans = decoder.spans(rows)
    assert [(span.first, span.last, span.kind) for span in spans] == [
        (0, 1, "PERSON"), (2, 2, "PERSON"), (4, 5, "LOCATION")
    ]  # fmt: skip
    assert spans[0].score == pytest.approx(0.9)
