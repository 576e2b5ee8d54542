"""Where a text is JSON without anybody having said so."""

import random
from itertools import pairwise

import pytest

from guardrails.pii.redact import JsonRegions

# JSON parts stand in ⟪ ⟫.
TEXTS = [
    '{⟪"a": "b", "c": [1, {"d": null}]}⟫ and prose "quoted"',
    ' \n [{⟪"a": "}\\"{"}]⟫',
    'Here:\n```json\n{⟪"a": "b"}⟫\n```\nDone {"x": 1}.',
    '```\n[⟪"x", "y"]⟫\n```',
    "[PERSON_1] said {so}",
    "[1] Source: x",
    '{⟪"raw line\n break⟫"}',
    '{⟪"a" ⟫is what? "b"}',
    "{} nothing",
    'Plain {"a": 1} in the middle',
]


def regions(chunks: list[str]) -> str:
    tracker, out, before = JsonRegions(), "", False
    for chunk in chunks:
        for is_json, text in tracker.feed(chunk):
            if is_json != before:
                out += "⟪" if is_json else "⟫"
                before = is_json
            out += text
    return out + ("⟫" if before else "")


@pytest.mark.parametrize("marked", TEXTS)
def test_regions_are_the_same_for_every_cut(marked: str) -> None:
    # A line break within a string ends the JSON before it.
    marked = marked.replace("line\n break⟫", "line⟫\n break")
    text = marked.replace("⟪", "").replace("⟫", "")
    assert regions([text]) == marked
    assert regions(list(text)) == marked
    generator = random.Random(marked)
    for _ in range(30):
        cuts = sorted(generator.sample(range(1, len(text)), 4))
        assert regions([text[a:b] for a, b in pairwise([0, *cuts, len(text)])]) == marked
