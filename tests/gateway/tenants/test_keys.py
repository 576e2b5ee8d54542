import re

import pytest

from gateway.tenants.errors import InvalidValue
from gateway.tenants.keys import (
    KeyHasher,
    check_given,
    key_digest,
    key_hash,
    new_key,
    shown_prefix,
)

PEPPER = b"p" * 32


def test_a_new_key_has_the_documented_form_and_is_new() -> None:
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(re.fullmatch(r"sov-[0-9A-Za-z]{43}", key) for key in keys)


def test_the_hash_depends_on_pepper_and_key() -> None:
    hashes = {key_hash(PEPPER, "a" * 20), key_hash(b"q" * 32, "a" * 20), key_hash(PEPPER, "b" * 20)}
    assert len(hashes) == 3
    assert all(len(value) == 64 for value in hashes)


def test_the_hash_is_the_digest_in_hex_also_for_bytes_that_are_no_text() -> None:
    key = b"sov-\xff\xfe".decode("latin-1") + "\udcff"
    assert key_hash(PEPPER, key) == key_digest(PEPPER, key).hex()


@pytest.mark.parametrize(
    "value", ["", "short", "with a space here", "tab\tin the middle", "ü" * 20]
)
def test_a_given_value_that_is_no_secret_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue):
        check_given(value)


def test_the_shown_prefix_never_gives_a_short_given_key_away() -> None:
    assert shown_prefix("sov-abcdefghijklmnopqrstuvwxyz") == "sov-abcd"
    assert shown_prefix("twelve-chars") == "twel"


@pytest.mark.parametrize("pepper", [b"", b"p" * 32, b"p" * 64, b"p" * 65, b"p" * 200])
def test_a_prepared_hash_is_the_same_hash(pepper: bytes) -> None:
    hasher = KeyHasher(pepper)
    for key in ("", "sov-a-key-for-tests", "sov-\ud800", "k" * 500):
        assert hasher.digest(key) == key_digest(pepper, key)
