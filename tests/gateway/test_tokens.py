"""Counting tokens where the upstream did not: by a tokenizer, or by a published rule."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from gateway.errors import SettingsError
from gateway.tokens import TokenCounter, rule_of_thumb


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a", 1),
        ("ten letters", 4),  # 11 * 0.3 = 3.3
        ("你好世界", 3),  # 4 * 0.6 = 2.4
        ("ab你", 2),  # 0.6 + 0.6 = 1.2
    ],
)
def test_the_rule_of_thumb(text: str, tokens: int) -> None:
    assert rule_of_thumb(text) == tokens


def test_a_tokenizer_counts_exactly(tmp_path: Path) -> None:
    words = Tokenizer(models.WordLevel({"one": 0, "two": 1, "[UNK]": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(tmp_path / "tokenizer.json"))
    counter = TokenCounter(tmp_path / "tokenizer.json")
    assert counter.text(["one tw", "o two"]) == 3
    assert counter.text([]) == 0
    body = {"model": "m", "messages": [{"role": "user", "content": "one two"}]}
    # two words, and four tokens for what a template puts around a message
    assert counter.prompt(body) == 6


def test_repeated_texts_count_each_time() -> None:
    once = {"messages": [{"role": "user", "content": "the same words"}]}
    twice = {"messages": once["messages"] * 2}
    counter = TokenCounter()
    assert counter.prompt(twice) > 1.8 * counter.prompt(once)


def test_a_tokenizer_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tokenizer"):
        TokenCounter(tmp_path / "none.json")
