import pytest

from guardrails.pii.names_zh import ChineseNameRecognizer

KINDS = ["PERSON", "LOCATION", "ORGANIZATION"]


@pytest.fixture(scope="module")
def recognizer() -> ChineseNameRecognizer:
    return ChineseNameRecognizer()


def found(recognizer: ChineseNameRecognizer, text: str, kinds: list[str] = KINDS) -> set[str]:
    return {text[each.start : each.end] for each in recognizer.analyze(text, kinds)}


def test_finds_a_person_a_place_and_an_organisation(recognizer: ChineseNameRecognizer) -> None:
    text = "我叫王建国，住在广州，在北京大学工作。"
    assert found(recognizer, text) == {"王建国", "广州", "北京大学"}


def test_reports_only_the_wanted_entities(recognizer: ChineseNameRecognizer) -> None:
    text = "我叫王建国，住在广州，在北京大学工作。"
    assert found(recognizer, text, ["LOCATION"]) == {"广州"}


def test_findings_pass_the_threshold_of_the_engine(recognizer: ChineseNameRecognizer) -> None:
    results = recognizer.analyze("克林顿昨天抵达上海。", KINDS)
    assert results
    assert all(0.5 <= each.score <= 1.0 for each in results)


def test_reads_traditional_characters(recognizer: ChineseNameRecognizer) -> None:
    assert "臺灣" in found(recognizer, "颱風明天登陸臺灣，居民應提前準備。")


@pytest.mark.parametrize(
    "text",
    ["", "Meet Anna in London.", "東京にいきましょう、おねがいします。", "\ud800", "12", "，。！"],
)
def test_leaves_alone_what_is_not_chinese(recognizer: ChineseNameRecognizer, text: str) -> None:
    assert found(recognizer, text) == set()
