"""Identifiers are unique, sortable by time, and safe in URLs and file names."""

import os
import re
import threading
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


def test_a_forked_process_makes_identifiers_of_its_own() -> None:
    new_id("req")  # what is drawn in advance must not be used twice
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "\n".join(new_id("req")[-16:] for _ in range(100)).encode())
        os._exit(0)
    own = {new_id("req")[-16:] for _ in range(100)}
    _, status = os.waitpid(child, 0)
    assert status == 0
    theirs = set(os.read(reading, 4096).decode().split())
    os.close(reading)
    os.close(writing)
    assert len(theirs) == 100
    assert own.isdisjoint(theirs)


def test_threads_make_no_two_alike() -> None:
    made: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: made.append([new_id("req") for _ in range(5000)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identifier for some in made for identifier in some}) == 20_000
