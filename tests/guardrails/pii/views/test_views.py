"""Disguised values are found and masked where they stand; everyday text has no second reading."""

# A row of a table reads best on one line.
# ruff: noqa: E501

import base64
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.pii import PiiEngine
from guardrails.pii.views import View, views

MAIL = "greta.vogel@example.com"
CARD = "4111 1111 1111 1111"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("to gr\u200beta@exam\u2060ple.com now", "EMAIL_ADDRESS", "gr\u200beta@exam\u2060ple.com"),
        ("to gre\u00adta@example.com", "EMAIL_ADDRESS", "gre\u00adta@example.com"),
        ("to ｇｒｅｔａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "EMAIL_ADDRESS", "ｇｒｅｔａ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
        ("to 𝐠𝐫𝐞𝐭𝐚@𝐞𝐱𝐚𝐦𝐩𝐥𝐞.𝐜𝐨𝐦", "EMAIL_ADDRESS", "𝐠𝐫𝐞𝐭𝐚@𝐞𝐱𝐚𝐦𝐩𝐥𝐞.𝐜𝐨𝐦"),
        ("it is g r e t a @ e x . c o m ok", "EMAIL_ADDRESS", "g r e t a @ e x . c o m"),
        ("to greta&#64;example&period;com", "EMAIL_ADDRESS", "greta&#64;example&period;com"),
        ("to greta&commat;example.com", "EMAIL_ADDRESS", "greta&commat;example.com"),
        ("to greta&#x40;example.com", "EMAIL_ADDRESS", "greta&#x40;example.com"),
        ("to greta%40example.com", "EMAIL_ADDRESS", "greta%40example.com"),
        ("to greta%2540example.com", "EMAIL_ADDRESS", "greta%2540example.com"),
        ('{"to": "greta\\u0040example.com"}', "EMAIL_ADDRESS", "greta\\u0040example.com"),
        (f"see {_base64(MAIL)} ok", "EMAIL_ADDRESS", _base64(MAIL)),
        (f"see {_base64(_base64(MAIL))} ok", "EMAIL_ADDRESS", _base64(_base64(MAIL))),
        (f"ssn {_base64('536-22-4872')}", "US_SSN", _base64("536-22-4872")),
        (f"see {MAIL.encode().hex()}", "EMAIL_ADDRESS", MAIL.encode().hex()),
        (f"see {quote(_base64(CARD), safe='')}.", "CREDIT_CARD", quote(_base64(CARD), safe="")),
        ("card 4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", "CREDIT_CARD", "4.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1"),
        ("SSN &#53;36-22-4872", "US_SSN", "&#53;36-22-4872"),
        ("IBAN DE89\u200b3704\u200b0044\u200b0532\u200b0130\u200b00", "IBAN_CODE",
         "DE89\u200b3704\u200b0044\u200b0532\u200b0130\u200b00"),
        ("电话一三八零零一三八零零零。", "PHONE_NUMBER", "一三八零零一三八零零零"),
        ("phone ١٢٣-٤٥٦-٧٨٩٠", "PHONE_NUMBER", "١٢٣-٤٥٦-٧٨٩٠"),
        ("call four one five, five five five, two six seven one today", "PHONE_NUMBER",
         "four one five, five five five, two six seven one"),
        ("Telefon null eins sieben null eins zwei drei vier fünf sechs sieben", "PHONE_NUMBER",
         "null eins sieben null eins zwei drei vier fünf sechs sieben"),
        ("to GrEtA.VoGeL@ExAmPlE.CoM", "EMAIL_ADDRESS", "GrEtA.VoGeL@ExAmPlE.CoM"),
    ],
)  # fmt: skip
def test_found_at_its_place(patterns: PiiEngine, text: str, entity: str, value: str) -> None:
    spans = [span for span in patterns.detect(text) if text[span.start : span.end] == value]
    assert [span.entity_type for span in spans] == [entity]


@pytest.mark.parametrize(
    "text",
    [
        "Please summarise the report in five sentences and list the open questions.",
        "Grüße aus Österreich, ça va très bien",
        "请帮我写一封关于项目进度的邮件，谢谢！第一、第二、第三。",
        "def f(a, b):\n    return a + b  # 100 percent",
        "🙂 fine, a - b",
    ],
)
def test_everyday_text_has_no_other_reading(text: str) -> None:
    assert list(views(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "Use &amp; and &lt;b&gt; in HTML, then &nbsp; and %20 in https://example.com/a%20b?q=%C3%BC.",
        "The Donaudampfschifffahrtsgesellschaft and getElementsByTagNameNS are long words.",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 of the file",
        "A B C D E F G and 1 0 1 1 0 1 0 0 1 in binary",
        "x = a + b * c - d / e; return f",
        "👩\u200d👩\u200d👧 family",
        "commit 3f2a9c1b7d, build aGVsbG8gd29ybGQgYWdhaW4=",
        "one two three four five, once I caught a fish alive",
        "Привет, как дела? Это тест.",
    ],
)
def test_harmless_disguises_stay(patterns: PiiEngine, text: str) -> None:
    assert patterns.detect(text) == []


@settings(max_examples=60, deadline=None)
@given(
    before=st.text(max_size=30),
    marks=st.lists(
        st.sampled_from(["\u200b", "\u200d", "\u00ad", "\ufeff"]), min_size=1, max_size=4
    ),
)
def test_offsets_are_those_of_the_original(
    patterns: PiiEngine, before: str, marks: list[str]
) -> None:
    value = "gr" + "".join(marks) + "eta@example.com"
    text = f"{before} mail {value} now"
    assert any(text[span.start : span.end] == value for span in patterns.detect(text))


def test_a_view_maps_each_character_back() -> None:
    view = View.of("ab&#64;cd", 1, 9).edited([(1, 6, "@")])
    assert view.text == "b@cd"
    assert view.back(0, 2) == (1, 7)
    assert view.back(2, 4) == (7, 9)
    assert view.edited([(1, 3, "")]).back(0, 2) == (1, 9)


def test_a_large_disguised_text_is_read_to_its_end(patterns: PiiEngine) -> None:
    text = "plain words here. " * 20_000 + "mail gr\u200beta@example.com " + "words. " * 20_000
    started = time.process_time()
    values = [text[span.start : span.end] for span in patterns.detect(text)]
    assert values == ["gr\u200beta@example.com"]
    assert time.process_time() - started < 10
