"""kill -9 under mixed load, in short; ``make torture`` does it 200 times."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.torture.rig import torture
from support.deployment import SECRETS, Capture
from support.forking import Forker, forker
from support.site import POOR_KEY

ROUNDS = {"postgresql": 6, "sqlite": 3}


@pytest.fixture(scope="module")
def parent() -> Iterator[Forker]:
    with forker({**SECRETS, "SOV_KEY_POOR": POOR_KEY}) as parent:
        yield parent


def test_killed_gateways_lose_repeat_and_keep_nothing(
    tmp_path: Path,
    capture: Capture,
    parent: Forker,
    database_url: str,
    valkey_url: str,
) -> None:
    rounds = ROUNDS[database_url.partition("+")[0]]
    tally = torture(tmp_path, capture, parent, database_url, valkey_url, rounds=rounds)
    assert tally.rounds == rounds
    assert tally.outcomes["interrupted"] >= rounds, "the kills have hit running requests"
    assert tally.outcomes["completed"] > rounds
    assert tally.called == tally.settled == tally.seen + len(tally.unseen)
