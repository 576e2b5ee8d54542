"""From text to names in C: the same tokens, features and names as in Python."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.pii.names import _native
from guardrails.pii.names.network import TaggerNetwork
from guardrails.pii.names.tagger import LEAST, WEIGHTS, Name, NameTagger
from guardrails.pii.names.tokens import feature_rows, tokenise

_PIECES = (
    "My name is Greta Vogel", "O'Brien's", "’s", "'ll", "'ve", "'LL", "'lla", "'s9", "it’s_",
    "\n\n", "--", "-", "=*#~.", "!?", "!", "?!!!!", "a.b", "a..b", "a'b", "x_1", "_", "1", "12",
    "1999", "2034", "1834", "123456789012345", "١٢٣", "²³", "½", "٣", "Straße", "ÉCOLE", "İstanbul",
    "ß", "ﬁ", "ǅ", "王小明", "한국", "かな", "🙂", "\ud83d", "\u200b", "\u00a0", "\u2028", "\x85",
    "\x1c", "\x00", " ",
    "Donaudampfschifffahrtsgesellschaftskapitän", "Supercalifragilisticexpialidocious99", "#", "#0",
    "12 Main Street, Springfield", "Frau Müller aus Köln", "Siemens AG", "42 years old", ",", "@",
)  # fmt: skip
_TEXTS = st.lists(
    st.one_of(st.sampled_from(_PIECES), st.text(max_size=5)), min_size=1, max_size=20
).map("".join)


@pytest.fixture(scope="module")
def taggers() -> tuple[NameTagger, NameTagger]:
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    native, plain = NameTagger(TaggerNetwork(held)), NameTagger(TaggerNetwork(held, native=False))
    assert native.is_native, "guardrails/pii/names/_native.c was not built: `make setup` builds it"
    assert not plain.is_native
    return native, plain


def same(found: list[Name], expected: list[Name]) -> bool:
    scores = [name.score for name in expected]
    return [name[:3] for name in found] == [name[:3] for name in expected] and np.allclose(
        [name.score for name in found], scores, atol=1e-5
    )


def is_settled(plain: NameTagger, text: str) -> bool:
    """No token is so near a threshold, or between two kinds, that rounding decides."""
    tokens = tokenise(text)
    scores = plain.network.tag(np.array([feature_rows(key) for key in tokens.keys], np.int32))
    labels = plain.network.labels
    begin = scores[:, [labels.index(f"B-{kind}") for kind in plain.kinds]]
    inside = scores[:, [labels.index(f"I-{kind}") for kind in plain.kinds]]
    reach = np.sort((begin + inside) / np.array([LEAST[kind] for kind in plain.kinds]), axis=1)
    near = (np.abs(reach[:, -1] - 1) < 1e-4) | (reach[:, -1] - reach[:, -2] < 1e-4)
    return not (near | (np.abs(begin - inside).min(axis=1) < 1e-9)).any()


@settings(max_examples=400, deadline=None)
@given(text=_TEXTS)
def test_tokens_and_features_are_the_same(text: str) -> None:
    expected = tokenise(text)
    assert _native.tokens(text) == tuple(expected)
    for key in filter(str.isascii, expected.keys):
        assert _native.feature_rows(key) == feature_rows(key)


@settings(max_examples=150, deadline=None)
@given(text=_TEXTS)
def test_names_are_the_same(taggers: tuple[NameTagger, NameTagger], text: str) -> None:
    native, plain = taggers
    expected = plain.find(text)
    found = native.find(text)
    assert same(found, expected) or not is_settled(plain, text)
    assert native.find(text) == found  # now all from the cache


def test_a_small_cache_gives_the_same_names(taggers: tuple[NameTagger, NameTagger]) -> None:
    native, plain = taggers
    small = NameTagger(native.network, kept=8)
    text = " ".join(_PIECES)
    for shift in range(0, 200, 20):
        part = text[shift : shift + 400]
        assert same(small.find(part), plain.find(part))


def test_threads_share_a_tagger(taggers: tuple[NameTagger, NameTagger]) -> None:
    native, plain = taggers
    shared = NameTagger(native.network, kept=64)
    # Keys beyond ASCII are featurised in Python, where another thread may take over.
    words = [f"Müller{chr(0xE0 + n % 30)}{n}" for n in range(300)]
    texts = [" ".join(words[n : n + 80]) + " aus Köln" for n in range(0, 220, 4)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(shared.find, texts))
    assert all(map(same, found, map(plain.find, texts)))


def test_only_text_is_read(taggers: tuple[NameTagger, NameTagger]) -> None:
    assert taggers[0].find("") == taggers[0].find(" \t ") == []
    with pytest.raises(TypeError, match="takes a str"):
        taggers[0].find(b"Greta")  # type: ignore[arg-type]
