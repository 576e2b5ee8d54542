"""The tagger's network in C gives what numpy gives, but for rounding."""

from pathlib import Path

import numpy as np
import pytest

from guardrails.pii.names.network import TaggerNetwork
from guardrails.pii.names.tagger import WEIGHTS as LATIN
from guardrails.pii.names_zh.tagger import WEIGHTS as CHINESE

FILES = [LATIN, CHINESE / "names_zh.npz"]


def networks(path: Path) -> tuple[TaggerNetwork, TaggerNetwork]:
    with np.load(path, allow_pickle=False) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    return TaggerNetwork(held), TaggerNetwork(held, native=False)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_same_scores_for_sequences_of_any_length(path: Path) -> None:
    native, plain = networks(path)
    assert native.is_native, "guardrails/pii/names/_native.c was not built: `make setup` builds it"
    random = np.random.default_rng(1)
    for count in (1, 2, 3, 5, 6, 7, 12, 73, 300):
        rows = random.integers(0, 100_000, (count, native.columns)).astype(np.int32)
        np.testing.assert_allclose(native.vectors(rows), plain.vectors(rows), atol=1e-5)
        np.testing.assert_allclose(native.tag(rows), plain.tag(rows), atol=1e-5)


def test_rows_that_are_not_in_the_table_are_refused() -> None:
    native, _ = networks(LATIN)
    for row in (-1, 1 << 30):
        with pytest.raises(IndexError):
            native.vectors(np.full((1, native.columns), row, np.int32))
