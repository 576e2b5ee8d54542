"""Answers told apart: against DeepSeek's own parser, cut anywhere, and what it does not take."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from v4_chats import TOOLS, block, invoke, mark, parameter, parsed, parsed_by_recipe, pieces

from core.dsml import DsmlParser
from inference.encoding.output import AnswerParser, Part

PARIS = invoke("get_weather", parameter("city", "Paris"), parameter("days", "5", "false"))
PARIS_CALL = ("get_weather", '{"city": "Paris", "days": 5}')

plain = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="｜|<") | st.just("\n"),
    max_size=30,
)
names = st.text("abcdefgh_", min_size=1, max_size=8)
values = st.recursive(
    st.integers(-(10**15), 10**15) | st.booleans() | st.none() | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def blocks(draw: st.DrawFn) -> str:
    calls = []
    for name in draw(st.lists(st.sampled_from(["f", "unknown"]), min_size=1, max_size=3)):
        given_arguments = draw(st.dictionaries(names, values, max_size=4))
        calls.append(
            invoke(name, *(
                parameter(key, value)
                if isinstance(value, str)
                else parameter(key, json.dumps(value), "false")
                for key, value in given_arguments.items()
            ))
        )  # fmt: skip
    opener = draw(st.sampled_from(["tool_calls", "toolcalls", "tool", None]))
    return "".join(calls) if opener is None else block(*calls, opener=opener)


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, bool, bool]:
    """An answer, whether it begins within thinking, and whether its request has tools."""
    thinking, tools = draw(st.booleans()), draw(st.booleans())
    text = draw(plain)
    if thinking and draw(st.booleans()):
        text += "</think>" + draw(plain)
    if tools and draw(st.booleans()):
        text += draw(blocks()) + draw(plain)
    return text, thinking, tools


@given(answer=answers())
@settings(max_examples=400, deadline=None)
def test_says_what_the_models_own_parser_says(answer: tuple[str, bool, bool]) -> None:
    text, thinking, tools = answer
    reasoning, content, calls = parsed(text, tools=TOOLS if tools else None, thinking=thinking)

    assert (reasoning, content, [(name, json.loads(a)) for name, a in calls]) == parsed_by_recipe(
        text, tools=tools, thinking=thinking
    )


odd = st.lists(
    st.sampled_from([*'<>/ =\n"', mark("@"), "think>", "invoke name=", "parameter"]), max_size=12
).map("".join)


@given(answer=answers(), tail=odd, truncated=st.booleans(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_every_cut_gives_the_same(
    answer: tuple[str, bool, bool], tail: str, truncated: bool, data: st.DataObject
) -> None:
    text, thinking, tools = answer[0] + tail, *answer[1:]
    cuts = data.draw(st.sets(st.integers(0, len(text)), max_size=12))
    given_tools = TOOLS if tools else None

    def by(*parts: str) -> Any:
        return parsed(*parts, tools=given_tools, thinking=thinking, truncated=truncated)

    assert by(*pieces(text, cuts)) == by(text) == by(*text)


@given(text=odd, thinking=st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_markup_of_calls_is_left(text: str, thinking: bool) -> None:
    reasoning, content, _ = parsed(*text, tools=TOOLS, thinking=thinking)

    for part in (reasoning, content):
        assert not any(tag in part for tag in (mark("<@parameter"), mark("</@invoke"), "</think>"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so" + block(PARIS), ("so", "", [PARIS_CALL])),
        ("so" + block(PARIS) + "</think>and", ("so", "", [PARIS_CALL])),
        ("so</think>\n\nI look.\n\n" + block(PARIS), ("so", "I look.", [PARIS_CALL])),
        ("so</think>" + PARIS, ("so", "", [PARIS_CALL])),
        ("so</think>" + block(PARIS) + "\nIt is sunny.", ("so", "", [PARIS_CALL])),
        ("so</think>" + block(PARIS) + block(invoke("f")), ("so", "", [PARIS_CALL, ("f", "{}")])),
        (mark("so</think>a<@parameter<@invoke <b"), ("so", "a<b", [])),
        (block(invoke("f", parameter("a", "</think>"))), ("", "", [("f", '{"a": "</think>"}')])),
        (block(invoke("f", parameter("n", "5", None))), ("", "", [("f", '{"n": 5}')])),
        (block(invoke("f", '{"arguments": {"a": 1}}\n')), ("", "", [("f", '{"a":1}')])),
        (block(invoke("f", parameter("arguments", '{"a": 1}', "false"))),
         ("", "", [("f", '{"a": 1}')])),
        ("so</think>a" + mark("<@tool_calls>"), ("so", "a", [])),
        ("so</think>a</think>b", ("so", "ab", [])),
    ],
)  # fmt: skip
def test_slips(text: str, expected: Any) -> None:
    for parts in ([text], text):
        assert parsed(*parts, tools=TOOLS, thinking=True) == expected


def test_without_tools_a_text_about_calls_stays_one() -> None:
    text = "It is written " + block(PARIS)

    assert parsed(*text) == ("", text, [])


def test_an_answer_that_goes_on_keeps_its_first_line_feeds() -> None:
    assert parsed("\n\nb", goes_on=True) == ("", "\n\nb", [])
    assert parsed("\na\n</think>\nb", thinking=True, goes_on=True) == ("\na", "b", [])


def test_a_call_that_the_prompt_began_is_part_of_the_answer() -> None:
    opened = mark('<@tool_calls>\n<@invoke name="get_weather">\n')
    rest = parameter("city", "Paris") + mark("</@invoke>\n</@tool_calls>")

    assert parsed(*rest, tools=TOOLS, opened=opened) == (
        "", "", [("get_weather", '{"city": "Paris"}')]
    )  # fmt: skip


def test_a_cut_call_stays_unreadable() -> None:
    text = block(PARIS).split("aris")[0]
    _, _, ((_, arguments),) = parsed(text, tools=TOOLS, truncated=True)

    with pytest.raises(ValueError, match="line 1"):
        json.loads(arguments)


def test_texts_go_out_as_they_come() -> None:
    parser = AnswerParser(DsmlParser(TOOLS, strict=True), thinking=True)

    assert parser.feed("one ") == [(Part.REASONING, "one ")]
    assert parser.thinks
    assert parser.feed("two\n</th") == [(Part.REASONING, "two")]
    assert parser.feed("ink>\nthree\n") == [(Part.CONTENT, "three")]
    assert not parser.thinks
    assert parser.feed("four") == [(Part.CONTENT, "\nfour")]
