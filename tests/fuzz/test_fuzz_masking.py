"""Masking at any offsets of any text, and back again: exact, whatever the characters."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from guardrails.pii import MaskScope
from guardrails.types import MaskMode, Span

# Combining marks, right-to-left, zero-width, surrogates (JSON can bring them), astral, controls,
# and what stand-ins are made of.
ODD = (
    "\u0301\u0308\u20e3\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\u00ad"
    "\ud800\udfff\U0001f468\U0001f3fd\ufe0f\u05d0\u05d1\u0627\u0644\u4e2d\u6587\u00df\u0130"
    "\x00\x1b\x7f\u2028[]_1<>PERSON()"
)
TEXTS = st.text(
    st.one_of(st.sampled_from(ODD), st.sampled_from("aeinrst ,."), st.characters()), max_size=60
)
TYPES = st.sampled_from(["PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "IBAN_CODE", "DATE_TIME"])


@st.composite
def findings(draw: Any) -> tuple[str, list[Span]]:
    """A text and spans in it that do not overlap, as detectors give them."""
    text = draw(TEXTS)
    marks = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pairs = zip(marks[::2], marks[1::2], strict=False)
    return text, [Span(a, b, draw(TYPES), 0.9, "fuzz@1") for a, b in pairs]


@given(st.lists(findings(), min_size=1, max_size=4), st.sampled_from(list(MaskMode)[:3]))
def test_masked_and_restored_is_what_was(
    parts: list[tuple[str, list[Span]]], mode: MaskMode
) -> None:
    texts = [text for text, _ in parts]
    scope = MaskScope(texts, modes=dict.fromkeys(["PERSON", "EMAIL_ADDRESS"], mode))
    masked = scope.mask_all(texts, [spans for _, spans in parts])
    assert [scope.restore(text) for text in masked] == texts


@given(findings(), st.integers(1, 7))
def test_a_stream_of_any_cut_restores_the_same(part: tuple[str, list[Span]], step: int) -> None:
    text, spans = part
    scope = MaskScope([text])
    masked = scope.mask(text, spans)
    restorer = scope.restorer()
    pieces = [restorer.feed(masked[at : at + step]) for at in range(0, len(masked), step)]
    assert "".join(pieces) + restorer.flush() == text


@given(findings())
def test_nothing_of_a_masked_value_is_left_where_it_stood(
    part: tuple[str, list[Span]],
) -> None:
    text, spans = part
    # Values of a length that does not stand in a text by chance.
    long = [span for span in spans if span.end - span.start >= 8]
    masked = MaskScope([text]).mask(text, long)
    for span in long:
        assert text[span.start : span.end] not in masked
