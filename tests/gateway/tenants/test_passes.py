"""Passes of job workers open what was signed, for as long as was signed."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.tenants.errors import InvalidKey
from gateway.tenants.keys import key_digest, key_hash
from gateway.tenants.passes import LINE_PASS, line_pass, passed_digest

PEPPER = b"p" * 32
KEY = "sov-a-key-for-tests"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PASS = line_pass(PEPPER, key_hash(PEPPER, KEY), NOW + timedelta(hours=1))


def test_a_pass_stands_for_its_key() -> None:
    assert passed_digest(PEPPER, PASS, NOW) == key_digest(PEPPER, KEY)


@pytest.mark.parametrize(
    "given",
    [
        PASS[:-1],
        PASS + "0",
        PASS.replace(".17", ".27"),
        LINE_PASS,
        LINE_PASS + "..",
        LINE_PASS + "é",
        LINE_PASS + key_hash(PEPPER, KEY),
        LINE_PASS + key_hash(PEPPER, "other") + PASS[len(LINE_PASS) + 64 :],
        line_pass(b"q" * 32, key_hash(PEPPER, KEY), NOW + timedelta(hours=1)),
    ],
)
def test_what_was_not_signed_opens_nothing(given: str) -> None:
    assert given != PASS
    with pytest.raises(InvalidKey):
        passed_digest(PEPPER, given, NOW)


def test_a_pass_ends() -> None:
    with pytest.raises(InvalidKey):
        passed_digest(PEPPER, PASS, NOW + timedelta(hours=1, seconds=1))
