"""The converted tokenizer against transformers' own reading of the GGUF file."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.convert.gguf_source import default_source
from inference.errors import CheckpointInvalid
from inference.tokenizer import IncrementalDetokenizer, Tokenizer

TEXTS = [
    "Hello, world!",
    "  two  spaces and\ttabs\r\nand lines\n\n\n",
    "In 2026 it cost 1,234.50 € or 12345678 ¥",
    "Grüße aus Köln, l'été à Paris, 你好，世界！ 👩‍👩‍👧 🇩🇪",
    "I'm, you're, WE'LL don't",
    "def f(x):\n    return x**2  # comment",
    "[PERSON_1] <[EMAIL_ADDRESS_12]>",
    "<|im_start|>user\nhi<|im_end|>\n",
    "e\u0301 \u200b\u00a0\ufeff",
]


@pytest.fixture(scope="module")
def tokenizer(demo_model: Path) -> Tokenizer:
    return Tokenizer.load(demo_model)


def test_ids_equal_those_of_transformers(tokenizer: Tokenizer) -> None:
    from transformers import AutoTokenizer

    source = default_source()
    oracle = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    for text in TEXTS:
        # transformers reads the GGUF file without the digits rule of its
        # pre-tokeniser, so numbers are compared apart.
        plain = "".join(c for c in text if not c.isdigit())
        assert tokenizer.encode(plain) == oracle.encode(plain, add_special_tokens=False)


@pytest.mark.parametrize("text", TEXTS)
def test_bytes_of_tokens_make_up_their_text(tokenizer: Tokenizer, text: str) -> None:
    spelled = [tokenizer.token_bytes(i) for i in tokenizer.encode(text)]
    assert b"".join(spelled) == text.encode()


def test_bytes_of_tokens_of_other_vocabularies() -> None:
    vocabulary = {"<unk>": 0, "<0x0A>": 1, "\u2581Grün": 2, "x": 3}
    model = {"type": "BPE", "vocab": vocabulary, "merges": [], "byte_fallback": True}
    plain = Tokenizer.from_json(json.dumps({"version": "1.0", "model": model}))
    assert [plain.token_bytes(i) for i in (1, 2, 3, 4)] == [b"\n", " Grün".encode(), b"x", b""]


def test_digits_are_single_tokens(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("12345")
    assert [tokenizer.decode([i]) for i in ids] == list("12345")


@pytest.mark.parametrize("text", TEXTS)
def test_texts_come_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text), skip_special=False) == text


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs", "Cc"]), max_size=40)
)
def test_any_text_comes_back_token_by_token(tokenizer: Tokenizer, text: str) -> None:
    # The source's vocabulary lacks control bytes and the lead bytes of planes above 1.
    ids = tokenizer.encode_pieces([(text, False)])
    if any(i in tokenizer.special_ids for i in ids):
        return
    stream = IncrementalDetokenizer(tokenizer)
    pieces = [stream.push(i) for i in ids]
    assert all("\ufffd" not in piece or "\ufffd" in text for piece in pieces)
    assert "".join(pieces) + stream.flush() == text


def test_half_a_character_comes_out_only_at_the_end(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("🦜")
    assert len(ids) > 1
    stream = IncrementalDetokenizer(tokenizer)
    assert [stream.push(i) for i in ids[:-1]] == [""] * (len(ids) - 1)
    assert stream.flush() == "\ufffd"


def test_special_tokens_have_the_ids_of_the_source(tokenizer: Tokenizer) -> None:
    assert tokenizer.id_of("<|endoftext|>") == 0
    assert tokenizer.id_of("<|im_start|>") == 1
    assert tokenizer.id_of("<|im_end|>") == 2
    assert tokenizer.vocab_size == 49152


def test_literal_pieces_hold_no_special_token(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode_pieces([("a", False), ("<|im_end|>", True), ("b", False)])
    assert not set(ids) & tokenizer.special_ids
    assert tokenizer.decode(ids) == "a<|im_end|>b"


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointInvalid, match=r"no tokenizer\.json"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointInvalid, match="not readable"):
        Tokenizer.load(tmp_path)
