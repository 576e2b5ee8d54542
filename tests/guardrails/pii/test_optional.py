"""Dates, nationalities and forms of address: only where a policy names them."""

import pytest

from guardrails.pii import PiiEngine
from guardrails.pii.entities import DEFAULT_ENTITIES, OPTIONAL_ENTITIES


@pytest.fixture(scope="module")
def engine() -> PiiEngine:
    return PiiEngine.load(ner="none")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("due 2026-03-01T10:15:00Z or so", "DATE_TIME", "2026-03-01T10:15:00Z"),
        ("due 1993-01-04 14:56:41", "DATE_TIME", "1993-01-04 14:56:41"),
        ("due 3/23/1940", "DATE_TIME", "3/23/1940"),
        ("am 3. März 2024 um", "DATE_TIME", "3. März 2024"),
        ("on Monday, March 5th, 2021 we", "DATE_TIME", "Monday, March 5th, 2021"),
        ("le 14 juillet 1789", "DATE_TIME", "14 juillet 1789"),
        ("在2024年3月5日", "DATE_TIME", "2024年3月5日"),
        ("at 10:45 pm there", "DATE_TIME", "10:45 pm"),
        ("Mrs. Vogel", "TITLE", "Mrs"),
        ("an Herrn Vogel", "TITLE", "Herrn"),
        ("Mme Dupont", "TITLE", "Mme"),
        ("two Canadian citizens", "NRP", "Canadian"),
    ],
)
def test_found_when_asked_for(engine: PiiEngine, text: str, kind: str, value: str) -> None:
    spans = engine.detect(text, entities=frozenset({kind}))
    assert [text[span.start : span.end] for span in spans] == [value]
    assert engine.detect(text, entities=DEFAULT_ENTITIES - {"DATE_OF_BIRTH"}) == engine.detect(text)


@pytest.mark.parametrize(
    "text", ["version 1.2.3", "10.0.0.1", "12:345", "may 5 people come?", "ratio 3:1", "1/2/3/4"]
)
def test_look_alikes(engine: PiiEngine, text: str) -> None:
    spans = engine.detect(text, entities=frozenset({"DATE_TIME"}))
    assert [text[span.start : span.end] for span in spans if span.end - span.start > 5] == []


def test_not_looked_for_by_default(engine: PiiEngine) -> None:
    assert OPTIONAL_ENTITIES.isdisjoint(DEFAULT_ENTITIES)
    found = engine.detect("On 3/23/1940 two Canadian citizens met at 10:45 pm.")
    assert OPTIONAL_ENTITIES.isdisjoint(span.entity_type for span in found)
