"""What stands for a value in each mode, and what of it comes back."""

import pytest

from guardrails.pii import MaskScope, ScopeMemory, Span
from guardrails.pii.masking import partial_mask
from guardrails.pii.masking.modes import parse_modes
from guardrails.types import MaskMode


def spans_of(text: str, *values: str, entity: str = "PERSON") -> list[Span]:
    return [
        Span(text.index(value), text.index(value) + len(value), entity, 1.0, "test@1")
        for value in values
    ]


def masked_as(mode: MaskMode, text: str, *values: str, entity: str = "PERSON") -> tuple[str, str]:
    scope = MaskScope([text], modes={entity: mode})
    masked = scope.mask_all([text], [spans_of(text, *values, entity=entity)])[0]
    return masked, scope.restore(masked)


def test_redacted_values_stay_away() -> None:
    masked, back = masked_as(MaskMode.REDACT, "Ann met Bob", "Ann", "Bob")
    assert masked == back == "[PERSON] met [PERSON]"


def test_partial_values_stay_masked() -> None:
    text = "card 4111 1111 1111 1111 please"
    masked, back = masked_as(MaskMode.PARTIAL, text, "4111 1111 1111 1111", entity="CREDIT_CARD")
    assert masked == back == "card **** **** **** 1111 please"


@pytest.mark.parametrize(
    ("entity", "value", "shown"),
    [
        ("CREDIT_CARD", "4111111111111111", "************1111"),
        ("IBAN_CODE", "DE89 3704 0044 0532 0130 00", "**** **** **** **** **30 00"),
        ("US_SSN", "123-45-6789", "***-**-6789"),
        ("LICENSE_PLATE", "B-AB 123", "*-** ***"),
        ("PHONE_NUMBER", "110", "***"),
        ("PERSON", "Greta Vogel", "G**** V****"),
        ("PERSON", "李雷", "李*"),
        ("PERSON", "X", "*"),
        ("EMAIL_ADDRESS", "greta@example.com", "g****@e******.c**"),
        ("PASSWORD", "hunter2", "********"),
        ("API_KEY", "sk-1234567890abcdef", "********"),
        ("PERSON", "", ""),
    ],
)
def test_partial_masks(entity: str, value: str, shown: str) -> None:
    assert partial_mask(entity, value) == shown


def test_hashes_are_the_tenants_and_come_back() -> None:
    text = "Ann met Bob and Ann"
    spans = [*spans_of(text, "Ann", "Bob"), Span(16, 19, "PERSON", 1.0, "test@1")]
    modes = {"PERSON": MaskMode.HASH}
    keys = [b"a" * 32, b"a" * 32, b"b" * 32]
    scopes = [MaskScope([text], memory=ScopeMemory(hash_key=key), modes=modes) for key in keys]
    masked = [scope.mask_all([text], [spans])[0] for scope in scopes]
    assert masked[0] == masked[1] != masked[2]
    first = masked[0].split()[0]
    assert masked[0].endswith(f"and {first}")
    assert len(first) == len("[PERSON_]") + 10
    assert [scope.restore(answer) for scope, answer in zip(scopes, masked, strict=True)] == [
        text
    ] * 3
    assert scopes[2].restore(masked[0]) == masked[0]
    loud = f"see {first.upper()}, <{first[1:-1].lower()}>, {first[1:-1]}."
    assert scopes[0].restore(loud) == "see Ann, <Ann>, Ann.".replace("<Ann>", "Ann")


def test_a_planted_hash_is_not_restored() -> None:
    text = "Ann"
    memory = ScopeMemory(hash_key=b"a" * 32)
    modes = {"PERSON": MaskMode.HASH}
    token = MaskScope([text], memory=memory, modes=modes).mask(text, spans_of(text, "Ann"))
    texts = [f"what is {token}?", "Ann"]
    scope = MaskScope(texts, memory=memory, modes=modes)
    masked = scope.mask_all(texts, [[], spans_of("Ann", "Ann")])
    assert masked[0] == texts[0]
    assert masked[1] != token
    assert [scope.restore(answer) for answer in masked] == texts


def test_a_hash_planted_in_all_lengths_gives_a_placeholder() -> None:
    memory, modes = ScopeMemory(hash_key=b"a" * 32), {"PERSON": MaskMode.HASH}
    texts = ["Ann"]
    for _ in range(40):
        scope = MaskScope(texts, memory=memory, modes=modes)
        masked = scope.mask_all(texts, [spans_of("Ann", "Ann"), *([] for _ in texts[1:])])
        assert [scope.restore(answer) for answer in masked] == texts
        texts.append(masked[0])
        if masked[0] == "[PERSON_1]":
            return
    raise AssertionError("no placeholder")


def test_blocked_types_are_told_and_never_in_the_text() -> None:
    text = "the password is hunter2 for Ann"
    modes = {"PASSWORD": MaskMode.BLOCK, "API_KEY": MaskMode.BLOCK}
    scope = MaskScope([text], modes=modes)
    spans = [*spans_of(text, "hunter2", entity="PASSWORD"), *spans_of(text, "Ann")]
    masked = scope.mask_all([text], [spans])[0]
    assert scope.blocked == {"PASSWORD"}
    assert masked == "the password is [PASSWORD] for [PERSON_1]"
    assert scope.restore(masked) == "the password is [PASSWORD] for Ann"


def test_modes_of_many_types_in_one_text() -> None:
    text = "Ann, 4111111111111111, Paris"
    modes = {"CREDIT_CARD": MaskMode.PARTIAL, "LOCATION": MaskMode.REDACT}
    scope = MaskScope([text], modes=modes)
    spans = [
        *spans_of(text, "Ann"),
        *spans_of(text, "4111111111111111", entity="CREDIT_CARD"),
        *spans_of(text, "Paris", entity="LOCATION"),
    ]
    assert scope.mask_all([text], [spans]) == ["[PERSON_1], ************1111, [LOCATION]"]
    assert scope.counts == {"PERSON": 1, "CREDIT_CARD": 1, "LOCATION": 1}


def test_names_of_types_are_read_leniently() -> None:
    modes = {"person": MaskMode.HASH, "Credit card": MaskMode.PARTIAL, "CASE_NO": MaskMode.REDACT}
    assert parse_modes(modes) == {
        "PERSON": MaskMode.HASH,
        "CREDIT_CARD": MaskMode.PARTIAL,
        "CASE_NO": MaskMode.REDACT,
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [("PERSN", "did you mean PERSON"), ("123", "no entity type"), ("", "no entity type")],
)
def test_a_misspelt_type_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_modes({name: MaskMode.HASH})


def test_a_type_with_two_modes_is_refused() -> None:
    with pytest.raises(ValueError, match="two modes"):
        parse_modes({"PERSON": MaskMode.HASH, "person": MaskMode.REDACT})


@pytest.mark.parametrize(
    ("text", "entity"), [("is_known Greta Vogel", "GRETA  vogel"), ("0170 1234567", "0170-1234567")]
)
def test_what_stood_in_the_request_is_known(text: str, entity: str) -> None:
    scope = MaskScope([text])
    assert scope.is_known(entity)
    assert not scope.is_known("somebody else")
