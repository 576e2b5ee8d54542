"""However an answer is cut, the same texts are judged."""

import random
import re

import pytest

from gateway.pipeline.answer_judge import JUDGE_EVERY, JUDGE_WINDOW, Judged

ANSWER = " ".join(f"Sentence number {index} says nothing bad." for index in range(60))


def judged(text: str, cuts: list[int]) -> list[str]:
    seen: list[str] = []
    running = Judged(seen.append)
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    for index, piece in enumerate(pieces):
        running.add(piece, final=index == len(pieces) - 1)
    return seen


def test_every_cut_gives_the_same_judgements() -> None:
    generator = random.Random(5)
    whole = judged(ANSWER, [])
    assert len(whole) > len(ANSWER) / JUDGE_EVERY
    for _ in range(50):
        cuts = sorted(generator.sample(range(1, len(ANSWER)), generator.randint(1, 200)))
        assert judged(ANSWER, cuts) == whole


def test_all_of_it_is_judged() -> None:
    seen = judged(ANSWER, [])
    assert all(word in " ".join(seen) for word in ANSWER.split())
    assert max(map(len, seen)) <= JUDGE_WINDOW + JUDGE_EVERY
    assert seen[-1].endswith("bad.")


def test_half_a_word_is_not_judged_before_its_end() -> None:
    seen = judged('{"to": "somebody", "copy": "nobody@example.com"}', [])
    assert seen[0] == '{"to": "'
    assert seen[-1].endswith("nobody@example.com" + '"}')


@pytest.mark.parametrize("text", ["", "short"])
def test_short_answers_are_judged_at_their_end(text: str) -> None:
    assert judged(text, []) == ([text] if text else [])


def test_one_long_word_is_judged_all_the_same() -> None:
    assert len(judged("x" * 200, [])) == 200 // JUDGE_EVERY + 1


def test_chinese_has_no_words_to_wait_for() -> None:
    assert judged("字" * JUDGE_EVERY, [])[0] == "字" * JUDGE_EVERY


def test_half_a_word_waits_whatever_its_letters() -> None:
    """An ideograph is a word; letters and digits of all other scripts go on."""
    begun = re.compile(r"[^\W_\u2e80-\u9fff]+\Z")
    for code in (*range(0x3100), 0x4E2D, 0x9FFF, 0xA000, 0xAC00, 0x10400, 0x1F600, 0x20000):
        heard: list[str] = []
        text = "one two three f" + chr(code)
        Judged(heard.append).add(text, final=False)
        assert heard == [begun.sub("", text)], hex(code)
