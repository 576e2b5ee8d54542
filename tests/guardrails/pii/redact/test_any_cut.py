"""Texts put together at random, cut at random: always the same result."""

import random
import re
from itertools import pairwise

import pytest

from guardrails.pii.redact import OutputRedactor
from guardrails.types import Span

# What words, windows and escapes are made of, and what breaks them.
FRAGMENTS = [
    "hello ",
    "world, ",
    "a ",
    "at ",
    "dot ",
    "x@y.de ",
    "030 ",
    "123 45 67 ",
    " ",
    "\n",
    "\n\n",
    "  ",
    "电话",
    "13800138000",
    "，",
    "。",
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "MIIE" * 16 + "\n",
    "Qm8=\n",
    "-----END RSA PRIVATE KEY-----",
    "password",
    "password: ",
    "hunter2-X ",
    "\u200b",
    "😀 ",
    "é",
    "\\u0041",
    "\\n",
    '\\"',
    '"',
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    ", ",
    "4111111111111111",
    "-12.5e3 ",
    "eyJabcdefghijk",
    "." + "ab1" * 30,
    "Z9" * 300,
    "=",
    "%40",
    "&#64; ",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\",
    "- ",
    "(at) ",
    "| ",
    "'",
    "x" * 40 + " ",
    "\ufffc",
    "\r\n",
    "1",
]


class Greedy:
    """Finds too much: across words, across scripts, and longer than any window."""

    patterns = (
        ("EMAIL_ADDRESS", re.compile(r"[a-z0-9.]+@[a-z0-9.]+\.[a-z]{2,}")),
        ("PHONE_NUMBER", re.compile(r"\d(?:[ -]?\d){6,}")),
        ("JWT", re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}")),
        ("PRIVATE_KEY", re.compile(r"-----BEGIN (?:RSA )?PRIVATE KEY-----[^-]{0,20000}")),
        ("PASSWORD", re.compile(r"(?<=password: )\S{4,}")),
    )

    def detect(self, text: str, *, entities: frozenset[str] | None) -> list[Span]:
        assert entities
        found: list[Span] = []
        for kind, pattern in self.patterns:
            for match in pattern.finditer(text):
                if all(match.end() <= span.start or match.start() >= span.end for span in found):
                    found.append(Span(match.start(), match.end(), kind, 1.0, "test@1"))
        return sorted(found, key=lambda span: span.start)


def redacted(chunks: list[str], *, json: bool, entities: frozenset[str]) -> str:
    redactor = OutputRedactor(Greedy(), entities=entities, json_escaped=json)
    return "".join(map(redactor.feed, chunks)) + redactor.flush()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kinds", [{"EMAIL_ADDRESS", "PRIVATE_KEY"}, {"EMAIL_ADDRESS", "PERSON"}])
def test_any_text_for_any_cut(seed: int, kinds: set[str]) -> None:
    generator, entities = random.Random(seed), frozenset(kinds)
    for _ in range(60):
        text = "".join(generator.choices(FRAGMENTS, k=generator.randint(1, 60)))
        json = generator.random() < 0.5
        whole = redacted([text], json=json, entities=entities)
        assert redacted(list(text), json=json, entities=entities) == whole
        for _ in range(3):
            cuts = sorted(generator.randrange(len(text) + 1) for _ in range(9))
            chunks = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
            assert redacted(chunks, json=json, entities=entities) == whole


def test_nothing_is_lost_or_turned_around() -> None:
    """Pieces spell the source, in order, whatever goes out for them."""
    generator = random.Random(11)
    for _ in range(100):
        text = "".join(generator.choices(FRAGMENTS, k=30))
        json = generator.random() < 0.5
        redactor = OutputRedactor(Greedy(), json_escaped=json)
        pieces = [piece for character in text for piece in redactor.feed_pieces(character)]
        pieces += redactor.flush_pieces()
        assert "".join(source for source, _ in pieces) == text
