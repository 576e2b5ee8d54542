"""A conversation's memory: the same stand-in over turns, whatever is cut off."""

import itertools

import pytest

from guardrails.pii import MaskScope, ScopeMemory, Span
from guardrails.types import MaskMode

NAMES = ("Greta Vogel", "Ann Oak", "Bo Lind", "李雷")


def masked(memory: ScopeMemory, texts: list[str], **modes: MaskMode) -> list[str]:
    scope = MaskScope(texts, memory=memory, modes=modes)
    findings = [
        [
            Span(text.index(name), text.index(name) + len(name), "PERSON", 1.0, "test@1")
            for name in sorted(NAMES, key=text.find)
            if name in text
        ]
        for text in texts
    ]
    return scope.mask_all(texts, findings)


def test_truncated_history_keeps_its_numbers() -> None:
    memory = ScopeMemory()
    turns = ["I am Greta Vogel", "ask Ann Oak", "and Bo Lind"]
    first = masked(memory, turns)
    assert first == ["I am [PERSON_1]", "ask [PERSON_2]", "and [PERSON_3]"]
    assert masked(memory, turns[1:]) == first[1:]
    assert masked(memory, [*turns[2:], "李雷, Greta Vogel"]) == [
        first[2],
        "[PERSON_4], [PERSON_1]",
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_issued_tokens_never_renumber(order: tuple[int, ...]) -> None:
    memory = ScopeMemory()
    seen: dict[str, str] = {}
    for index in (*order, 0, 1, 2, 3):
        token = masked(memory, [NAMES[index]])[0]
        assert seen.setdefault(NAMES[index], token) == token
    assert len(set(seen.values())) == len(NAMES)


def test_a_memory_does_not_give_values_to_those_who_do_not_know_them() -> None:
    memory = ScopeMemory()
    masked(memory, ["I am Greta Vogel"])
    scope = MaskScope(["who is it?"], memory=memory)
    scope.mask_all(["who is it?"], [[]])
    assert scope.restore("[PERSON_1]") == "[PERSON_1]"


def test_a_token_planted_later_is_kept_apart_for_good() -> None:
    memory = ScopeMemory()
    assert masked(memory, ["Greta Vogel"]) == ["[PERSON_1]"]
    texts = ["Greta Vogel", "what is [PERSON_1]?"]
    assert masked(memory, texts) == ["[PERSON_2]", texts[1]]
    assert masked(memory, ["Greta Vogel"]) == ["[PERSON_2]"]


def test_fresh_entries_are_taken_once_and_can_be_given_back() -> None:
    memory = ScopeMemory()
    masked(memory, ["Greta Vogel, Ann Oak"])
    fresh = memory.take_fresh()
    assert [entry.value for entry in fresh] == ["Greta Vogel", "Ann Oak"]
    assert memory.take_fresh() == []
    memory.give_back(fresh)
    assert memory.take_fresh() == fresh


def test_a_memory_made_again_from_its_entries_goes_on() -> None:
    memory = ScopeMemory()
    before = masked(memory, ["Greta Vogel, Ann Oak"])
    copy = ScopeMemory(remembered=list(memory))
    assert masked(copy, ["Ann Oak"]) == ["[PERSON_2]"]
    assert masked(copy, ["Bo Lind"]) == ["[PERSON_3]"]
    assert masked(copy, ["Greta Vogel, Ann Oak"]) == before
