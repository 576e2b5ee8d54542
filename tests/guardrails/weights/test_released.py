"""The released weights: the card, the figures and the file belong together."""

import hashlib
from importlib import resources
from pathlib import Path

import pytest

from guardrails.weights import released

GUARDS = Path(str(resources.files("guardrails.weights")))
ROUTER = Path(str(resources.files("gateway.routing"))) / "weights"
FILES = [(GUARDS, "moderation"), (GUARDS, "injection"), (ROUTER, "router")]


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_the_card_names_the_digest_of_the_file(folder: Path, name: str) -> None:
    raw = (folder / f"{name}.npz").read_bytes()
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert hashlib.sha256(raw).hexdigest() in card
    assert len(raw) < 4_000_000


@pytest.mark.parametrize("name", ["moderation", "injection"])
def test_the_version_names_the_digest(name: str) -> None:
    model = released(name)
    assert model.version == f"{name}@{model.digest[:12]}"
    assert 0.5 <= model.settings["threshold"] < 1
