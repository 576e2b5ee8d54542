"""What a model made up is taken out; what the caller gave, and everything else, stays."""

import random
import time
from base64 import b64encode
from itertools import pairwise
from urllib.parse import quote

import pytest

from guardrails.pii import PiiEngine
from guardrails.pii.redact import DEFAULT_OUTPUT_ENTITIES, OutputRedactor, RequestTexts
from guardrails.pii.redact.sieve import CAP
from guardrails.types import Span

KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "MIIEowIBAAKCAQEAxyzw1234MIIEowIBAAKCAQEAxyzw1234MIIEowIBAAKCAQEA\n" * 40
    + "QmFzZQ==\n-----END RSA PRIVATE KEY-----"
)
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0" * 90 + ".SflKxwRJSM"

TEXTS = [
    ("Write to nobody@example.com.", "Write to [EMAIL_ADDRESS]."),
    ("nobody@example.com", "[EMAIL_ADDRESS]"),
    ("Call (212) 555-0134, then 212-555-0199.", "Call [PHONE_NUMBER], then [PHONE_NUMBER]."),
    ("Card 4111 1111 1111 1111 is it.", "Card [CREDIT_CARD] is it."),
    (
        "IBAN DE89 3704 0044 0532 0130 00 and on we go, my friend.",
        "IBAN [IBAN_CODE] and on we go, my friend.",
    ),
    ("The password is correct-Horse7 and so on.", "The password is [PASSWORD] and so on."),
    (
        "我的电话是13800138000，邮箱n@example.de。好",
        "我的电话是[PHONE_NUMBER]，邮箱[EMAIL_ADDRESS]。好",
    ),
    (f"The key:\n{KEY}\nKeep it safe.", "The key:\n[PRIVATE_KEY]\nKeep it safe."),
    (f"Use {TOKEN} for it.", "Use [JWT] for it."),
    (
        "| Name | Phone |\n|---|\n| x | 212-555-0134 |\nif a[0] == 'n@example.com':\n b = 1\n",
        "| Name | Phone |\n|---|\n| x | [PHONE_NUMBER] |\nif a[0] == '[EMAIL_ADDRESS]':\n b = 1\n",
    ),
    (
        "Look for the line -----BEGIN PRIVATE KEY----- in the file and delete what follows it.",
        "Look for the line [PRIVATE_KEY] in the file and delete what follows it.",
    ),
    ("x" * 3 * CAP + " nobody@example.com", "x" * 3 * CAP + " [EMAIL_ADDRESS]"),
    # The model may speak of people and places, and count.
    ("Goethe was born in Frankfurt on 28 August 1749.", None),
    ("In 2024, 3 of 12 chapters (25.5%) were read at 10:30.", None),
    ("", None),
    (" \n\n ", None),
]  # fmt: skip

DOCUMENTS = [
    ('{"to": "nobody@example.com"}', '{"to": "[EMAIL_ADDRESS]"}'),
    (r'["\u006eobody\u0040example.com"]', '["[EMAIL_ADDRESS]"]'),
    (r'["a\"n@example.com\"\ud83d\ude00\n"]', r'["a\"[EMAIL_ADDRESS]\"\ud83d\ude00\n"]'),
    ('{"card": 4111111111111111, "n": -12.5e3}', '{"card": "[CREDIT_CARD]", "n": -12.5e3}'),
    ('{"password":"hunter2-X"}', '{"password":"[PASSWORD]"}'),
    ('{"a":"212-555-0134","b":"n@example.com"}', '{"a":"[PHONE_NUMBER]","b":"[EMAIL_ADDRESS]"}'),
    ("no JSON: nobody@example.com", "no JSON: [EMAIL_ADDRESS]"),
    (r'{"half": "\ud83d", "cut": "\u00', None),
]  # fmt: skip


def redacted(engine: PiiEngine, chunks: list[str], *, json: bool = False) -> str:
    redactor = OutputRedactor(engine, json_escaped=json)
    return "".join(map(redactor.feed, chunks)) + redactor.flush()


def cuts(text: str, generator: random.Random) -> list[str]:
    count = min(max(0, len(text) - 1), generator.randint(1, 9))
    bounds = [0, *sorted(generator.sample(range(1, len(text)), count)), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_made_up_data_is_replaced_for_every_cut(
    patterns: PiiEngine, text: str, expected: str | None
) -> None:
    wanted = text if expected is None else expected
    assert redacted(patterns, [text]) == wanted
    assert redacted(patterns, list(text)) == wanted
    generator = random.Random(text)
    for _ in range(20 if text else 0):
        assert redacted(patterns, cuts(text, generator)) == wanted


@pytest.mark.parametrize(("text", "expected"), DOCUMENTS)
def test_json_stays_json_for_every_cut(
    patterns: PiiEngine, text: str, expected: str | None
) -> None:
    wanted = text if expected is None else expected
    assert redacted(patterns, [text], json=True) == wanted
    assert redacted(patterns, list(text), json=True) == wanted
    for at in range(1, len(text)):
        assert redacted(patterns, [text[:at], text[at:]], json=True) == wanted


MAILBOX = "nobody@example.com"
DISGUISED = {
    "percent": (quote(MAILBOX, safe=""), "EMAIL_ADDRESS"),
    "percent, all of it": ("".join(f"%{ord(c):02X}" for c in MAILBOX), "EMAIL_ADDRESS"),
    "base64": (b64encode(MAILBOX.encode()).decode(), "EMAIL_ADDRESS"),
    "hexadecimal": (MAILBOX.encode().hex(), "EMAIL_ADDRESS"),
    "HTML": ("&#110;obody&commat;example&#46;com", "EMAIL_ADDRESS"),
    "escapes": (r"nobody\u0040example.com", "EMAIL_ADDRESS"),
    "zero width": ("no\u200bbody@exam\u200bple.com", "EMAIL_ADDRESS"),
    "full width": ("４１１１ １１１１ １１１１ １１１１", "CREDIT_CARD"),
    "spaced out": (" ".join("4111111111111111"), "CREDIT_CARD"),
    "spelt out": ("nobody at example dot com", "EMAIL_ADDRESS"),
}


@pytest.mark.parametrize("disguise", DISGUISED)
def test_disguised_data_is_replaced_for_every_cut(patterns: PiiEngine, disguise: str) -> None:
    value, kind = DISGUISED[disguise]
    text, wanted = f"See {value} there, my friend.", f"See [{kind}] there, my friend."
    assert redacted(patterns, [text]) == wanted
    assert redacted(patterns, list(text)) == wanted
    for at in range(1, len(text), 3):
        assert redacted(patterns, [text[:at], text[at:]]) == wanted


def test_what_the_request_held_stays(patterns: PiiEngine) -> None:
    known = RequestTexts(["My number is +1 212-555-0134.", "Mail: Nobody@Example.com"])
    redactor = OutputRedactor(patterns, known.is_known)
    text = "Call +1 (212) 555 0134 or nobody@example.com; not other@example.com."
    assert redactor.whole(text) == text.replace("other@example.com", "[EMAIL_ADDRESS]")
    assert redactor.counts == {"EMAIL_ADDRESS": 1}


def test_types_of_words_wait_for_their_sentence() -> None:
    class Names:
        def detect(self, text: str, *, entities: frozenset[str] | None) -> list[Span]:
            assert entities == {"PERSON"}
            at = text.find("Greta Vogel")
            return [] if at < 0 else [Span(at, at + 11, "PERSON", 1.0, "test@1")]

    text = "This is about someone. Her name was Greta Vogel. She left"
    for chunks in ([text], list(text)):
        redactor = OutputRedactor(Names(), entities=frozenset({"PERSON"}))
        out = "".join(map(redactor.feed, chunks)) + redactor.flush()
        assert out == "This is about someone. Her name was [PERSON]. She left"


def test_plain_words_are_held_back_by_two(patterns: PiiEngine) -> None:
    redactor = OutputRedactor(patterns)
    words = ["the ", "quick ", "brown ", "fox ", "jumps ", "over ", "this ", "dog ", "today "]
    out = ""
    for position, word in enumerate(words):
        out += redactor.feed(word)
        assert len(out.split()) >= position - 2
    assert out + redactor.flush() == "".join(words)


def test_what_waits_is_bounded_and_the_time_linear(patterns: PiiEngine) -> None:
    held = most = 0
    redactor = OutputRedactor(patterns)
    for _ in range(4000):
        held += 16 - len(redactor.feed("QUJDREVGR0hJSktM"))
        most = max(most, held)
    assert most <= CAP + 16
    taken = {}
    for size in (20_000, 80_000):
        text = "Order 1234 a/b-c5 " * (size // 18)
        started = time.process_time()
        redacted(patterns, [text[at : at + 4] for at in range(0, len(text), 4)])
        taken[size] = time.process_time() - started
    assert taken[80_000] < 10 * taken[20_000]


def test_passed_over_text_is_not_searched(patterns: PiiEngine) -> None:
    redactor = OutputRedactor(patterns)
    out = redactor.feed("Write to ")
    out += "".join(text for _, text in redactor.pass_over("[EMAIL_ADDRESS_1]", "me@example.com"))
    out += redactor.feed(", not to me@example.net.") + redactor.flush()
    assert out == "Write to me@example.com, not to [EMAIL_ADDRESS]."


def test_names_and_places_do_not_count_unless_asked_for() -> None:
    assert not DEFAULT_OUTPUT_ENTITIES & {"PERSON", "LOCATION", "ORGANIZATION", "DATE_OF_BIRTH"}
    assert {"EMAIL_ADDRESS", "US_SSN", "API_KEY", "IBAN_CODE"} <= DEFAULT_OUTPUT_ENTITIES
