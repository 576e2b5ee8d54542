"""Stop strings are found whatever the pieces, and nothing before them is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.stopping import StopMatcher


def cut_at_first_stop(text: str, stops: list[str]) -> str:
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(found)] if found else text


@given(
    pieces=st.lists(st.text(alphabet="abc", max_size=4)),
    stops=st.lists(st.text(alphabet="abc", min_size=1, max_size=4), min_size=1, max_size=3),
)
def test_any_cut_gives_the_same_text(pieces: list[str], stops: list[str]) -> None:
    matcher = StopMatcher(stops)
    out = "".join(matcher.feed(piece) for piece in pieces)
    # Piecewise matching sees the stop string that ends first; of those that
    # end with the same character, the one that begins first.
    text = "".join(pieces)
    ended = matcher.stopped
    out += matcher.flush()
    assert ended == any(stop in text for stop in stops)
    if not ended:
        assert out == text
    else:
        assert text.startswith(out)
        assert not any(stop in out for stop in stops)
        assert any(text[len(out) :].startswith(stop) for stop in stops)


def test_one_stop_string_cuts_exactly_there() -> None:
    text = "one ENDI two END three"
    for size in range(1, len(text)):
        matcher = StopMatcher(["END "])
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        out = "".join(matcher.feed(piece) for piece in pieces) + matcher.flush()
        assert out == cut_at_first_stop(text, ["END "])


def test_without_stop_strings_nothing_is_held_back() -> None:
    matcher = StopMatcher([])
    assert matcher.feed("abc") == "abc"
    assert matcher.flush() == ""


@pytest.mark.parametrize("text", ["", "x", "EN"])
def test_flush_returns_what_was_held(text: str) -> None:
    matcher = StopMatcher(["END"])
    assert matcher.feed(text) + matcher.flush() == text
