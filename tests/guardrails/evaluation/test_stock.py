"""The baseline is the real Presidio with the real spaCy model."""

from guardrails.evaluation.pii import evaluate_pii
from guardrails.evaluation.stock import StockPresidio
from guardrails.pii import PiiEngine


def test_stock_presidio_is_scored_like_ours() -> None:
    text = "Call Peter Miller at peter.miller@example.com before 3/23/2024."
    rows = [
        {
            "text": text,
            "lang": "en",
            "spans": [
                {"start": 5, "end": 17, "label": "PERSON"},
                {"start": text.index("peter."), "end": text.index(" before"), "label": "EMAIL"},
                {"start": text.index("3/23"), "end": len(text) - 1, "label": "DATE_TIME"},
            ],
        }
    ]
    result = evaluate_pii(rows, StockPresidio())
    assert result["engine"].startswith("presidio-")
    assert result["per_label"]["PERSON"]["recall"] == 1.0
    assert result["per_label"]["EMAIL"]["recall"] == 1.0


def test_optional_types_are_looked_for_where_the_rows_label_them() -> None:
    engine = PiiEngine.load(ner="none")
    text = "It happened on 3/23/2024."
    dated = {"text": text, "spans": [{"start": 15, "end": 24, "label": "DATE_TIME"}]}
    assert evaluate_pii([dated], engine)["recall"] == 1.0
    assert evaluate_pii([{"text": text, "spans": []}], engine)["spans"]["found"] == 0
