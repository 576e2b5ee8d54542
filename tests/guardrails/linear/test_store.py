"""Weights files: round trip, digests, damage, pickles."""

from pathlib import Path

import numpy as np
import pytest

from guardrails.errors import GuardUnavailable
from guardrails.linear import FeatureSpec, ModelFile, load_model, save_model
from guardrails.linear.head import quantise, sigmoid, softmax


def model() -> ModelFile:
    weights = np.array([[0.5], [-1.0], [0.0], [0.25]])
    head = quantise(("bad",), weights, np.array([0.1]), np.zeros((0, 1)))
    return ModelFile("tiny", FeatureSpec(), {"bad": head}, {"threshold": 0.7})


def test_round_trip(tmp_path: Path) -> None:
    digest = save_model(model(), tmp_path / "tiny.npz")
    loaded = load_model(tmp_path / "tiny.npz", digest=digest)
    assert loaded.version == f"tiny@{digest[:12]}"
    assert loaded.settings == {"threshold": 0.7}
    assert loaded.spec == FeatureSpec()
    np.testing.assert_array_equal(loaded.heads["bad"].weights, [[64], [-127], [0], [32]])


def test_logit_by_hand() -> None:
    head = model().heads["bad"]
    hashes = np.array([0, 1, 5], np.uint32)  # 5 falls into bucket 1
    steps = 64 - 127 - 127
    expected = steps / 127 / np.sqrt(3) + 0.1
    assert head.logits(hashes)[0] == pytest.approx(expected, rel=1e-5)
    assert head.probability(head.sums(hashes)) == pytest.approx(sigmoid(expected), rel=1e-5)


def test_a_changed_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.npz"
    digest = save_model(model(), path)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(GuardUnavailable, match="differ"):
        load_model(path, digest=digest)


@pytest.mark.parametrize("raw", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_damage_is_one_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "tiny.npz"
    path.write_bytes(raw)
    with pytest.raises(GuardUnavailable):
        load_model(path)


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(GuardUnavailable, match="cannot be read"):
        load_model(tmp_path / "none.npz")


def test_pickles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.npz"
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(GuardUnavailable, match="damaged"):
        load_model(path)


def test_softmax_and_sigmoid_are_safe_at_the_ends() -> None:
    assert sigmoid(1e9) == pytest.approx(1.0)
    assert sigmoid(-1e9) == pytest.approx(0.0)
    np.testing.assert_allclose(softmax(np.array([1e4, 1e4])), [0.5, 0.5])
