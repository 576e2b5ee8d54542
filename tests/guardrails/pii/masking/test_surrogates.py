"""Surrogates: the same kind, language, gender and form; never somebody else's; back exactly."""

import random
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.pii import MaskScope, ScopeMemory, Span
from guardrails.pii.masking.surrogates import pools
from guardrails.pii.recognizers import checksums
from guardrails.types import MaskMode

TYPES = (
    "PERSON EMAIL_ADDRESS PHONE_NUMBER IBAN_CODE CREDIT_CARD US_SSN UK_NINO UK_NHS DE_TAX_ID "
    "DE_SOCIAL_SECURITY FR_NIR CN_RESIDENT_ID PL_PESEL NL_BSN CH_AHV ES_NIF IN_AADHAAR BIC "
    "DATE_OF_BIRTH STREET_ADDRESS LOCATION ORGANIZATION IP_ADDRESS MAC_ADDRESS URL LICENSE_PLATE "
    "PASSPORT PASSWORD API_KEY UNKNOWN_TYPE"
)
MODES: dict[str, MaskMode] = dict.fromkeys(TYPES.split(), MaskMode.SURROGATE)


def memory(secret: str = "x") -> ScopeMemory:
    return ScopeMemory(secret=secret.encode() * 32, hash_key=b"h" * 32)


def surrogate(entity: str, value: str, around: str = "{}", secret: str = "x") -> str:
    text = around.format(value)
    start = around.index("{}")
    scope = MaskScope([text], memory=memory(secret), modes=MODES)
    spans = [Span(start, start + len(value), entity, 1.0, "test@1")]
    masked = scope.mask_all([text], [spans])[0]
    assert scope.restore(masked) == text
    return masked[start : len(masked) - (len(around) - start - 2)]


GERMAN = "{} ist der Name und ich bitte Sie um eine Antwort für mein Konto"
FRENCH = "{} est le nom et je vous prie de répondre pour mon compte avec merci"


@pytest.mark.parametrize(
    ("value", "around", "given", "family"),
    [
        ("Greta Vogel", GERMAN, pools.FEMALE["de"], pools.FAMILY["de"]),
        ("Jürgen Vogel", GERMAN, pools.MALE["de"], pools.FAMILY["de"]),
        ("Emily Carter", "{}", pools.FEMALE["en"], pools.FAMILY["en"]),
        ("George Carter", "{}", pools.MALE["en"], pools.FAMILY["en"]),
        ("Amandine Petit", FRENCH, pools.FEMALE["fr"], pools.FAMILY["fr"]),
        ("Guillaume Petit", FRENCH, pools.MALE["fr"], pools.FAMILY["fr"]),
        ("Kim Vogel", GERMAN, pools.EITHER["de"], pools.FAMILY["de"]),
    ],
)
def test_names_keep_language_and_gender(
    value: str, around: str, given: list[str], family: list[str]
) -> None:
    for secret in "abcdefgh":
        first, last = surrogate("PERSON", value, around, secret).split(" ")
        assert first in given
        assert last in family
        assert {first, last}.isdisjoint(value.split())


@pytest.mark.parametrize(
    ("value", "pool"), [("王丽娟", pools.ZH_FEMALE), ("王志强", pools.ZH_MALE)]
)
def test_chinese_names(value: str, pool: list[str]) -> None:
    made = surrogate("PERSON", value, "我叫{}，请回复")
    assert made[0] in pools.ZH_FAMILY
    assert made[1:] in pool
    assert len(surrogate("PERSON", "李雷", "我叫{}，请回复")) == 2


def test_names_agree_with_their_parts() -> None:
    texts = ["Greta Vogel", "GRETA VOGEL", "Vogel, Greta", "greta.vogel@firma.de", "Greta", "vogel"]
    scope = MaskScope(texts, memory=memory(), modes=MODES)
    kinds = ["PERSON"] * 3 + ["EMAIL_ADDRESS"] + ["PERSON"] * 2
    spans = [[Span(0, len(t), k, 1.0, "t@1")] for t, k in zip(texts, kinds, strict=True)]
    masked = scope.mask_all(texts, spans)
    first, last = masked[0].split()
    assert masked[1:3] == [masked[0].upper(), f"{last}, {first}"]
    assert masked[3].startswith(f"{first}.{last}@example.".lower())
    assert masked[4:] == [first, last.lower()]
    assert scope.restore(f"Dear {first}, {last}'s mail **{first} {last}**") == (
        "Dear Greta, Vogel's mail **Greta Vogel**"
    )


@pytest.mark.parametrize(
    ("entity", "value", "form", "check"),
    [
        ("IBAN_CODE", "DE89 3704 0044 0532 0130 00", r"DE\d\d( \d{4}){4} \d\d", checksums.iban),
        ("IBAN_CODE", "GB29NWBK60161331926819", r"GB\d\d[A-Z]{4}\d{14}", checksums.iban),
        ("CREDIT_CARD", "4111 1111 1111 1111", r"4000 00\d\d \d{4} \d{4}", checksums.luhn),
        ("CREDIT_CARD", "378282246310005", r"378282\d{9}", checksums.card_number),
        ("UK_NHS", "943 476 5919", r"999 \d{3} \d{4}", checksums.nhs_number),
        ("DE_TAX_ID", "86095742719", r"[1-9]\d{10}", checksums.de_tax_id),
        ("DE_SOCIAL_SECURITY", "15070649C103", r"\d{8}[A-Z]\d{3}", checksums.de_social_security),
        ("FR_NIR", "255081416802538", r"2\d{14}", checksums.fr_nir),
        ("CN_RESIDENT_ID", "11010519491231002X", r"\d{17}[\dX]", checksums.cn_resident_id),
        ("US_SSN", "123-45-6789", r"9\d\d-[0-4]\d-\d{4}", str),
        ("UK_NINO", "AB 12 34 56 C", r"QQ \d\d \d\d \d\d [A-D]", str),
        ("PHONE_NUMBER", "+1 (415) 867-5309", r"\+1 \(\d{3}\) 555-01\d\d", str),
        ("PHONE_NUMBER", "+49 170 1234567", r"\+49 171 39200\d\d", str),
        ("PHONE_NUMBER", "06 12 34 56 78", r"06 39 98 \d\d \d\d", str),
        ("PHONE_NUMBER", "+33 1 42 68 53 00", r"\+33 1 99 00 \d\d \d\d", str),
        ("PHONE_NUMBER", "+44 20 7123 4567", r"\+44 20 7946 0\d{3}", str),
        ("EMAIL_ADDRESS", "bo_lind99@firma.de", r"[a-z]+_[a-z]+\d\d@example\.(com|org|net)", str),
        ("IP_ADDRESS", "8.8.8.8", r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+", str),
        ("IP_ADDRESS", "2a00:1450::1", r"2001:db8:[0-9a-f:]+", str),
        ("MAC_ADDRESS", "3C-22-FB-12-34-56", r"00-00-5E-00-53-[0-9A-F]{2}", str),
        ("DATE_OF_BIRTH", "14.03.1987", r"\d\d\.\d\d\.198\d", str),
        ("DATE_OF_BIRTH", "March 14, 1987", r"[A-Z][a-z]+ \d\d, 198\d", str),
        ("STREET_ADDRESS", "Lindenweg 12, 10115 Berlin", r"\w+weg \d\d, \d{5} \w+", str),
        ("STREET_ADDRESS", "12 rue de la Paix, 75002 Paris", r"\d\d rue des \w+, \d{5} \w+", str),
        ("STREET_ADDRESS", "9 Elm Street, Salem, OR 97301", r"\d \w+ Street, \w+, .. \d{5}", str),
        ("ORGANIZATION", "Vogel & Söhne GmbH", r"\w+ GmbH", str),
        ("BIC", "DEUTDEFF", r"[A-Z]{4}DE[A-Z]0", str),
        ("LICENSE_PLATE", "B-AB 1234", r"[A-Z]-[A-Z]{2} \d{4}", str),
    ],
)  # fmt: skip
def test_forms_and_checksums(entity: str, value: str, form: str, check: object) -> None:
    assert callable(check)
    for secret in "abcdef":
        made = surrogate(entity, value, secret=secret)
        assert made != value
        assert re.fullmatch(form, made), made
        assert check(made)


def test_an_address_agrees_with_a_name_of_any_letters() -> None:
    text = "Greta Vogel, greta.vogel@firma.de"
    spans = [Span(0, 11, "PERSON", 1.0, "t@1"), Span(13, 33, "EMAIL_ADDRESS", 1.0, "t@1")]
    for number in range(60):
        scope = MaskScope([text], memory=memory(chr(33 + number)), modes=MODES)
        masked = scope.mask_all([text], [spans])[0]
        assert "[" not in masked
        assert masked.partition(", ")[2].isascii()
        assert scope.restore(masked) == text


def test_dates_move_together() -> None:
    first, second = "01.03.1987", "11.03.1987"
    scope = MaskScope([first, second], memory=memory(), modes=MODES)
    spans = [[Span(0, 10, "DATE_OF_BIRTH", 1.0, "t@1")]] * 2
    one, two = (
        tuple(map(int, reversed(text.split("."))))
        for text in scope.mask_all([first, second], spans)
    )
    assert (date(*two) - date(*one)).days == 10


@pytest.mark.parametrize(
    ("entity", "value"),
    [
        ("PASSWORD", "hunter2"),
        ("API_KEY", "sk-123456789012345678901234"),
        ("PHONE_NUMBER", "13812345678"),
        ("UNKNOWN_TYPE", "whatever"),
        ("DATE_OF_BIRTH", "the ides of March"),
        ("STREET_ADDRESS", "under the bridge"),
        ("EMAIL_ADDRESS", "not an address"),
        ("PERSON", "格蕾塔·沃格尔"),
        ("IP_ADDRESS", "300.1.1.1"),
    ],
)
def test_where_none_can_be_made_there_is_a_placeholder(entity: str, value: str) -> None:
    assert surrogate(entity, value) == f"[{entity}_1]"


def test_the_same_in_a_conversation_and_another_in_the_next() -> None:
    made = [surrogate("PERSON", "Greta Vogel", secret=secret) for secret in "aabcd"]
    assert made[0] == made[1]
    assert len(set(made)) > 2


def test_no_two_values_share_one_and_none_stands_in_the_request() -> None:
    names = [
        f"{first} {last}"
        for first in pools.FEMALE["de"][:12]
        for last in [*pools.FAMILY["de"][:5], "Vogel"]
    ]
    texts = [*names, "Was sagt Brinkmann dazu? Und ingrid?"]
    scope = MaskScope(texts, memory=memory(), modes=MODES)
    spans = [[Span(0, len(name), "PERSON", 1.0, "t@1")] for name in names]
    masked = scope.mask_all(texts, [*spans, []])
    assert len(set(masked)) == len(texts)
    said = set(re.findall(r"\w+", " ".join(texts).casefold()))
    surrogates = [text for text in masked[:-1] if not text.startswith("[")]
    assert len(surrogates) > len(names) * 0.9
    assert said.isdisjoint(re.findall(r"\w+", " ".join(surrogates).casefold()))
    assert [scope.restore(text) for text in masked] == texts


def test_a_surrogate_that_the_client_writes_later_is_given_up() -> None:
    shared = memory()
    first = MaskScope(["Greta Vogel"], memory=shared, modes=MODES)
    spans = [Span(0, 11, "PERSON", 1.0, "t@1")]
    made = first.mask_all(["Greta Vogel"], [spans])[0]
    texts = ["Greta Vogel", f"I met {made} too"]
    scope = MaskScope(texts, memory=shared, modes=MODES)
    masked = scope.mask_all(texts, [spans, []])
    assert masked[1] == texts[1]
    assert masked[0] not in texts[1]
    assert [scope.restore(text) for text in masked] == texts


@pytest.mark.parametrize(
    "answer",
    ["{0}s Auto", "{0}e", "X{0}", "{0}-Jones {1}", "my{1}", "{1}ung", "{0}_1", "{0}2"],
)
def test_inflected_and_longer_words_are_somebody_elses(answer: str) -> None:
    scope = MaskScope(["Greta Vogel"], memory=memory(), modes=MODES)
    made = scope.mask("Greta Vogel", [Span(0, 11, "PERSON", 1.0, "t@1")])
    first, last = made.split()
    text = answer.format(first, last).replace(f"{first}-Jones {last}", f"{first}x-Jones")
    assert scope.restore(text) == text


@pytest.mark.parametrize("around", ["{}", "http://{}:80/x", "{},{},{}", "({}).", "x={};", "<{}>"])
@pytest.mark.parametrize(
    ("entity", "value"),
    [("IP_ADDRESS", "8.8.8.8"), ("EMAIL_ADDRESS", "bo@firma.de"), ("DATE_OF_BIRTH", "14.03.1987")],
)
def test_what_may_stand_beside_a_number_or_an_address(around: str, entity: str, value: str) -> None:
    scope = MaskScope([value], memory=memory(), modes=MODES)
    made = scope.mask(value, [Span(0, len(value), entity, 1.0, "t@1")])
    assert scope.restore(around.replace("{}", made)) == around.replace("{}", value)
    for other in ("{}.5", "7.{}", "{}-x", "a-{}", "{}@x", "x{}", "{}x"):
        assert scope.restore(other.replace("{}", made)) == other.replace("{}", made)


def test_a_form_that_went_out_comes_back() -> None:
    texts = ["Gretas Auto", "Greta"]
    scope = MaskScope(texts, memory=memory(), modes=MODES)
    spans = [[Span(0, 5, "PERSON", 1.0, "t@1")]] * 2
    masked = scope.mask_all(texts, spans)
    assert masked[0] == f"{masked[1]}s Auto"
    assert [scope.restore(text) for text in masked] == texts
    assert scope.restore(f"{masked[1]}en") == f"{masked[1]}en"


def test_an_inflected_surrogate_in_the_history_changes_nothing() -> None:
    shared = memory()
    spans = [Span(0, 5, "PERSON", 1.0, "t@1")]
    made = MaskScope(["Greta"], memory=shared, modes=MODES).mask_all(["Greta"], [spans])[0]
    texts = ["Greta", f"{made}s Termin ist um 9"]
    scope = MaskScope(texts, memory=shared, modes=MODES)
    assert scope.mask_all(texts, [spans, []]) == [made, texts[1]]
    assert scope.restore(texts[1]) == texts[1]


def test_where_placeholders_do_not_help_there_are_no_surrogates() -> None:
    shared = memory()
    spans = [Span(0, 5, "PERSON", 1.0, "t@1")]
    made = MaskScope(["Greta"], memory=shared, modes=MODES).mask_all(["Greta"], [spans])[0]
    texts = ["Greta", f"Greta{made}"]
    scope = MaskScope(texts, memory=shared, modes=MODES)
    masked = scope.mask_all(texts, [spans, spans])
    assert masked == ["[PERSON_1]", f"[PERSON_1]{made}"]
    assert [scope.restore(text) for text in masked] == texts


_WORDS = (
    "Greta Vogel GRETA greta. Vogel, (Greta Vogels Gretas xGreta Greta- greta.vogel@firma.de "
    "+49 170 1234567 14.03.1987 Berlin Berliner 王小明 小明 王小明的 Imke Jessen Ann 8.8.8.8 "
    "8.8.8.8.8"
)
WORDS = st.sampled_from(_WORDS.split())
FOUND = {
    "Greta": "PERSON",
    "Vogel": "PERSON",
    "GRETA": "PERSON",
    "greta.vogel@firma.de": "EMAIL_ADDRESS",
    "14.03.1987": "DATE_OF_BIRTH",
    "8.8.8.8": "IP_ADDRESS",
    "Berlin": "LOCATION",
    "王小明": "PERSON",
    "小明": "PERSON",
}


@given(
    words=st.lists(WORDS, max_size=12),
    glue=st.sampled_from([" ", "", "-", ".", "\n", "'s ", ", "]),
    seed=st.integers(0, 2**16),
    json_escaped=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_every_text_comes_back_whatever_stands_beside(
    words: list[str], glue: str, seed: int, json_escaped: bool
) -> None:
    text = glue.join(words)
    spans: list[Span] = []
    position = 0
    while position < len(text):
        hits = [value for value in FOUND if text.startswith(value, position)]
        if hits:
            value = max(hits, key=len)
            end = position + len(value)
            spans.append(Span(position, end, FOUND[value], 1.0, "t@1"))
            position = end
        position += 1
    scope = MaskScope([text], memory=memory(), modes=MODES)
    masked = scope.mask_all([text], [spans])[0]
    assert scope.restore(masked) == text
    generator = random.Random(seed)
    restorer = scope.restorer(json_escaped=json_escaped)
    cuts = sorted(generator.randint(0, len(masked)) for _ in range(6))
    parts = [masked[a:b] for a, b in zip([0, *cuts], [*cuts, len(masked)], strict=True)]
    streamed = "".join(map(restorer.feed, parts)) + restorer.flush()
    assert streamed == scope.restore(masked, json_escaped=json_escaped)
