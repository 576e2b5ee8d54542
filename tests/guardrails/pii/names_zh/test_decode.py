import numpy as np
import pytest

from guardrails.pii.names_zh.decode import FoundName, NameDecoder

LABELS = ("O", "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION")
OUT = (1.0, 0.0, 0.0, 0.0, 0.0)
B_PERSON = (0.1, 0.9, 0.0, 0.0, 0.0)
I_PERSON = (0.1, 0.0, 0.9, 0.0, 0.0)
B_PLACE = (0.2, 0.0, 0.0, 0.8, 0.0)
I_PLACE = (0.4, 0.0, 0.0, 0.0, 0.6)
FAINT = (0.7, 0.0, 0.3, 0.0, 0.0)
FAINTER = (0.9, 0.0, 0.1, 0.0, 0.0)
TORN = (0.3, 0.0, 0.3, 0.2, 0.2)


def names(*rows: tuple[float, ...]) -> list[FoundName]:
    return list(NameDecoder(LABELS, 0.4, 0.2).names(np.array(rows, np.float32)))


def spans(*rows: tuple[float, ...]) -> list[tuple[int, int, str]]:
    return [each[:3] for each in names(*rows)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((OUT, OUT), []),
        ((B_PERSON, I_PERSON, OUT), [(0, 2, "PERSON")]),
        ((B_PERSON, I_PERSON, B_PERSON), [(0, 2, "PERSON"), (2, 3, "PERSON")]),
        ((B_PERSON, B_PLACE, I_PLACE), [(0, 1, "PERSON"), (1, 3, "LOCATION")]),
        ((B_PERSON, I_PERSON, FAINT), [(0, 3, "PERSON")]),
        ((B_PERSON, I_PERSON, FAINTER), [(0, 2, "PERSON")]),
        ((FAINT, FAINT), []),
        ((B_PERSON, OUT, B_PLACE), [(0, 1, "PERSON"), (2, 3, "LOCATION")]),
        ((B_PERSON, I_PERSON, TORN), [(0, 3, "PERSON")]),
    ],
)
def test_spans(rows: tuple[tuple[float, ...], ...], expected: list[tuple[int, int, str]]) -> None:
    assert spans(*rows) == expected


def test_the_score_is_that_of_the_surest_character() -> None:
    assert names(B_PLACE, I_PLACE)[0].score == pytest.approx(0.8)
