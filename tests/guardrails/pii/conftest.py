"""Engines, loaded once: patterns alone, and with the word models."""

import pytest

from guardrails.pii import PiiEngine


@pytest.fixture(scope="session")
def patterns() -> PiiEngine:
    return PiiEngine.load(ner="none")


@pytest.fixture(scope="session")
def engine() -> PiiEngine:
    return PiiEngine.load()
