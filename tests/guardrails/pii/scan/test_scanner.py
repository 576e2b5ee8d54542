"""One pass finds exactly what every rule finds on its own, whatever the text."""

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardrails.pii.recognizers.base import Rule, RuleRecognizer
from guardrails.pii.recognizers.catalogue import build_recognizers
from guardrails.pii.scan import BackgroundScanner, PlainScanner, RuleScanner

_RULES = [
    each
    for each in build_recognizers(("en", "de", "zh", "fr"), "none")
    if isinstance(each, RuleRecognizer)
]
_ALL = frozenset(range(len(_RULES)))
# What findings are made of, and what makes borders of words, digits and offsets go wrong.
_FRAGMENTS = (
    "My name is Greta Vogel", "Dear Mr. Okonkwo,\n", "greta.vogel@example.com", "+49 170 1234567",
    "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "SSN 123-45-6789", "phone", "Telefon:",
    "Hauptstraße 12, 10115 Berlin", "12 Main Street, Apt 4", "12 rue de la Paix, 75002 Paris",
    "我叫王小明，", "身份证号11010519491231002X", "北京市朝阳区建国路88号", "电话13812345678",
    "AKIAIOSFODNN7EXAMPLE", "password: hunter2!", "https://user:pw@host/x?email=a@b.co",
    "postgres://u:p@db:5432/x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "born 1984-03-02",
    "ACME GmbH & Co. KG", "Steuer-ID 65 929 970 489", "NHS 943 476 5919", "B-AB 1234",
    "192.168.0.1", "2001:db8::1", ": : ::1115-", "00:1b:44:11:3a:b7", "2 04 83 75 112 005 32",
    "passport C01X00T47",
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "0x" + "a1" * 20,
)  # fmt: skip
_ODD = (
    "\u200b", "\u00ad", "\u0301", "\u0308", "\ufe0f", "🙂", "👩‍👩‍👧", "\ud83d", "\udc00", "\u202e",
    "\u0130", "\u0131", "\u017f", "\u212a", "ẞ", "ß", "İ", "１２３４", "٤٥٦", "४५६", "〇一二三",
    "\u00a0", "\u2003", "\u2028", "\x85", "\x1c", "\n", "\t", "\r\n", "·", "：", "，", "。", "＠",
    "ａｂｃ", "à", "À", "Ж", "ж", "ｶ", "한", "の",
    "𝟙𝟚", "𠀀", "\U0010ffff", "\x00", "'", "’", "-", "_",
    ".", "/", "@", "(", ")", "+", "=", '"', " ", "  ", "a", "Z", "0", "9", "s", "K", "i",
)  # fmt: skip
_TEXTS = st.lists(
    st.one_of(st.sampled_from(_FRAGMENTS), st.sampled_from(_ODD), st.text(max_size=6)), max_size=14
).map("".join)


_UNCHECKED = [
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.differing_executors,
]


@pytest.fixture(scope="module", params=[True, False], ids=["c", "python"])
def fast(request: pytest.FixtureRequest) -> RuleScanner:
    scanner = RuleScanner(_RULES, native=request.param)
    assert scanner.is_native is request.param, "scan/_native.c was not built: `make setup` does"
    return scanner


@pytest.fixture(scope="module")
def plain() -> PlainScanner:
    return PlainScanner(_RULES)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=_UNCHECKED,
)
@given(text=_TEXTS)
def test_findings_are_the_plain_ones(fast: RuleScanner, plain: PlainScanner, text: str) -> None:
    assert fast.find(text, _ALL) == plain.find(text, _ALL)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=_UNCHECKED,
)
@given(data=st.data())
def test_findings_are_the_plain_ones_in_damaged_values(
    fast: RuleScanner, plain: PlainScanner, data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from(_FRAGMENTS)) + " " + data.draw(st.sampled_from(_FRAGMENTS))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 2))
        text = text[:place] + data.draw(st.sampled_from(_ODD)) + text[place + cut :]
    assert fast.find(text, _ALL) == plain.find(text, _ALL)


@pytest.mark.parametrize("separator", ["", " ", "\n", "\u3000", ", "])
def test_findings_are_the_plain_ones_in_long_texts(
    fast: RuleScanner, plain: PlainScanner, separator: str
) -> None:
    text = separator.join(chain(_FRAGMENTS, _ODD, reversed(_FRAGMENTS)))
    hits = fast.find(text, _ALL)
    assert hits == plain.find(text, _ALL)
    assert len(hits) > 20


def test_every_rule_has_a_part_to_look_for(fast: RuleScanner) -> None:
    assert fast.plain_rules == []


def test_only_the_recognizers_asked_for(fast: RuleScanner, plain: PlainScanner) -> None:
    text = " ".join(_FRAGMENTS)
    few = frozenset(list(_ALL)[::3])
    hits = fast.find(text, few)
    assert hits == plain.find(text, few)
    assert {hit.owner for hit in hits} <= few


@pytest.mark.parametrize(
    ("regex", "flags", "text"),
    [
        (r"(?P<q>['\"])x+(?P=q)", 0, "'xx\" 'xxx'"),
        (r"\bstraße\b", re.IGNORECASE, "STRASSE STRAẞE straße Straße"),
        (r"kilo|masse", re.IGNORECASE, "\u212ailo MA\u017f\u017fE"),
        (r"^a\d$", re.MULTILINE, "a1\nxa2\na3\n"),
        (r"(?<=ab)c(?!d)", 0, "abc abcd bc abc"),
        (r"a.{0,3}b", re.DOTALL, "a\n\nb a\n\n\n\nb"),
        (r"[^\W\d_]+@", 0, "grüße@ 12@ a_b@"),
        (r"(?:foo|ba+r){2,3}", 0, "foobar foobaarfoo bar"),
        (r"(?s:.)x", 0, "\nx\ud800x"),
        (r"\Aab|ab\Z", 0, "ab ab ab"),
        (r"(?:^|\n)\s*z", 0, "z\n \n z"),
        (r"x*", 0, "axxb"),
        (r"[\U0001f600-\U0001f64f]{2}", 0, "🙂🙂 🙂"),
        (r"(a)|b(?(1)c|d)", 0, "a bd bc"),
        (r"\d(?=\d{2})", 0, "1234 ١٢٣ 12"),
        (r"\Bx\B", 0, "axb x ax"),
        (
            r"(?<![\w:])(?=[0-9a-f]{0,4}:)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])",
            0,
            ": ::1115- a",
        ),
        (r"(?=.*z)ab?c(?=d)", 0, "acd abcd z"),
    ],
)
@pytest.mark.parametrize("native", [True, False], ids=["c", "python"])
def test_any_pattern(regex: str, flags: int, text: str, native: bool) -> None:
    own = [RuleRecognizer("X", [Rule("r", regex, 1.0, flags=flags)])]
    one = frozenset({0})
    hits = PlainScanner(own).find(text, one)
    assert RuleScanner(own, native=native).find(text, one) == hits
    assert hits


def test_threads_share_a_scanner(fast: RuleScanner, plain: PlainScanner) -> None:
    texts = [" ".join(_FRAGMENTS[shift:]) for shift in range(24)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: fast.find(text, _ALL), texts))
    assert found == [plain.find(text, _ALL) for text in texts]


def test_a_background_scanner_answers_at_once_and_becomes_fast() -> None:
    own = [RuleRecognizer("X", [Rule("r", r"EMP-\d{4}", 1.0)])]
    scanner = BackgroundScanner(own)
    first = scanner.find("ask EMP-1234", frozenset({0}))
    assert scanner.wait(60)
    assert scanner.find("ask EMP-1234", frozenset({0})) == first
    assert [(hit.start, hit.end) for hit in first] == [(4, 12)]
