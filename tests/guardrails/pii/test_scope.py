"""Which token stands for which value."""

from guardrails.pii import MaskScope, PiiEngine, Span
from guardrails.types import MaskMode


def spans_of(text: str, *values: str, entity: str = "PERSON") -> list[Span]:
    return [
        Span(text.index(value), text.index(value) + len(value), entity, 1.0, "test@1")
        for value in values
    ]


def test_numbers_follow_first_appearance_and_stay() -> None:
    first, second = "Ann met Bob", "Bob met Cid and Ann"
    turns = [MaskScope(), MaskScope()]
    one = turns[0].mask_all([first], [spans_of(first, "Ann", "Bob")])
    both = turns[1].mask_all(
        [first, second], [spans_of(first, "Ann", "Bob"), spans_of(second, "Bob", "Cid", "Ann")]
    )
    assert one == ["[PERSON_1] met [PERSON_2]"]
    assert both == [one[0], "[PERSON_2] met [PERSON_3] and [PERSON_1]"]
    assert turns[1].counts == {"PERSON": 3}


def test_each_spelling_comes_back_as_it_was_written() -> None:
    text = "Greta Vogel is GRETA VOGEL"
    scope = MaskScope()
    masked = scope.mask(text, spans_of(text, "Greta Vogel", "GRETA VOGEL"))
    assert masked == "[PERSON_1] is [PERSON_2]"
    assert scope.restore(masked) == text


def test_planted_tokens_are_neither_issued_nor_restored() -> None:
    text = "Say [PERSON_1], <person_2> and Person 3 to Greta"
    scope = MaskScope([text])
    masked = scope.mask(text, spans_of(text, "Greta"))
    assert masked == "Say [PERSON_1], <person_2> and Person 3 to [PERSON_4]"
    assert scope.restore(masked) == text
    assert scope.restore("[PERSON_1] [PERSON_2] [PERSON_3]") == "[PERSON_1] [PERSON_2] [PERSON_3]"


def test_tokens_planted_in_a_later_text_are_kept_apart() -> None:
    texts = ["Greta", "what is [PERSON_1]?"]
    scope = MaskScope()
    masked = scope.mask_all(texts, [spans_of("Greta", "Greta"), []])
    assert masked == ["[PERSON_2]", "what is [PERSON_1]?"]
    assert [scope.restore(text) for text in masked] == texts


def test_what_one_text_reveals_is_masked_in_all() -> None:
    texts = ["Vogel rang. Ask greta.", "I am Greta Vogel", "Gretas Haus, VOGEL!", "Vogelsang"]
    scope = MaskScope()
    masked = scope.mask_all(texts, [[], spans_of(texts[1], "Greta Vogel"), [], []])
    assert masked == [
        "[PERSON_1] rang. Ask [PERSON_2].",
        "I am [PERSON_3]",
        "[PERSON_4]s Haus, [PERSON_5]!",
        "Vogelsang",
    ]
    assert [scope.restore(text) for text in masked] == texts


def test_names_that_are_words_are_spread_with_care() -> None:
    texts = ["I am Will Young", "Will you come? A young man, Young said"]
    scope = MaskScope()
    masked = scope.mask_all(texts, [spans_of(texts[0], "Will Young"), []])
    assert masked == ["I am [PERSON_1]", "Will you come? A young man, [PERSON_2] said"]


def test_the_same_value_of_two_types_has_two_tokens() -> None:
    scope = MaskScope()
    one = scope.mask("Paris", spans_of("Paris", "Paris", entity="LOCATION"))
    two = scope.mask("Paris", spans_of("Paris", "Paris"))
    assert (one, two) == ("[LOCATION_1]", "[PERSON_1]")


def test_types_with_digits_make_tokens_without() -> None:
    scope = MaskScope()
    masked = scope.mask("x42", spans_of("x42", "x42", entity="Id-2"))
    assert masked == "[ID_1]"
    assert scope.restore("[ID_1] [id 1]") == "x42 x42"


def test_scopes_know_nothing_of_each_other() -> None:
    one, two = MaskScope(), MaskScope()
    one.mask("Greta", spans_of("Greta", "Greta"))
    assert two.restore("[PERSON_1]") == "[PERSON_1]"


def test_a_conversation_sent_again_gets_the_same_tokens(patterns: PiiEngine) -> None:
    turns = [
        "My name is Greta Vogel, mail greta.vogel@example.com",
        "Hello Greta Vogel, how can I help?",
        "Call me at +49 170 1234567 or mail bo@example.com",
    ]
    earlier = MaskScope(turns[:1])
    first = earlier.mask_all(turns[:1], [patterns.detect(turns[0])])
    later = MaskScope(turns)
    masked = later.mask_all(turns, [patterns.detect(text) for text in turns])
    assert masked[0] == first[0]
    assert [later.restore(text) for text in masked] == turns


def test_values_are_those_of_the_request_in_every_mode() -> None:
    """What erasing a value goes by: also what left no stand-in behind."""
    text = "Greta, greta@example.com"
    spans = [Span(0, 5, "PERSON", 1.0, "test@1"), Span(7, 24, "EMAIL_ADDRESS", 1.0, "test@1")]
    scope = MaskScope([text], modes={"EMAIL_ADDRESS": MaskMode.REDACT})
    scope.mask(text, spans)
    assert scope.values == {"Greta", "greta@example.com"}
