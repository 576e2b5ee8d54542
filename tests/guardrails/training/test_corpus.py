"""Preparation of training texts."""

import random
import re

from guardrails.training.corpus import LANGUAGES, Example, distinct, strip_tweet
from guardrails.training.grammar import Grammar


def test_tweet_marks_go() -> None:
    text = "RT @some_one: he said &#8220;hello&#8221; #fun &amp; more http://t.co/abc"
    assert strip_tweet(text) == "he said hello fun & more"


def test_contradicting_texts_are_dropped() -> None:
    rows = [
        Example("Hello  there", 0, "a"),
        Example("hello there", 1, "b"),
        Example("Once", 1, "a"),
        Example("once", 1, "b"),
    ]
    assert [(e.text, e.source) for e in distinct(rows)] == [("Once", "a")]


def test_grammar_fills_slots_by_seed() -> None:
    grammar = Grammar.parse("@a = x | y\n# note\n== chat easy\nSay {a} to {paste}")
    one = list(grammar.expand(5, random.Random(1), ["P"]))
    assert one == list(grammar.expand(5, random.Random(1), ["P"]))
    assert {text.casefold() for _, text in one} == {"say x to p", "say y to p"}
    assert one[0][0] == ("chat", "easy")


def test_every_phrase_file_expands() -> None:
    names = [f"{kind}_{lang}" for kind in ("enterprise", "unsafe") for lang in LANGUAGES]
    for name in [*names, "harmless", "attacks", "harmless_orders"]:
        texts = list(Grammar.read(name).expand(3, random.Random(0), ["passage"]))
        assert texts
        assert not any(re.search(r"\{\w+\}", text) for _, text in texts)
