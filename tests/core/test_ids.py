"""Identifiers are unique, sortable by time, and safe in URLs and file names."""

import re
import time

import pytest

from core.ids import new_id

_FORM = re.compile(r"[a-z]+_[0-9abcdefghjkmnpqrstvwxyz]{26}")


@pytest.mark.parametrize("prefix", ["req", "key", "prj", "exp"])
def test_form(prefix: str) -> None:
    identifier = new_id(prefix)
    assert identifier.startswith(f"{prefix}_")
    assert _FORM.fullmatch(identifier)


def test_no_two_alike() -> None:
    assert len({new_id("req") for _ in range(20_000)}) == 20_000


def test_later_sorts_after_earlier() -> None:
    earlier = new_id("req")
    time.sleep(0.003)
    assert earlier < new_id("req")


def test_time_can_be_read_back() -> None:
    before = time.time_ns() // 1_000_000
    body = new_id("req").removeprefix("req_")
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    value = 0
    for character in body:
        value = value << 5 | alphabet.index(character)
    assert before <= value >> 80 <= time.time_ns() // 1_000_000
