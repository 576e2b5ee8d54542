import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from guardrails.pii.names.network import TaggerNetwork
from guardrails.pii.names_zh.codes import encode
from guardrails.pii.names_zh.decode import NameDecoder
from guardrails.pii.names_zh.features import rows
from guardrails.pii.names_zh.training.__main__ import pack_lexicon
from guardrails.pii.names_zh.training.fit import Plan, fit
from guardrails.pii.names_zh.training.sample import (
    IGNORED,
    LABELS,
    Sample,
    labels_of,
    parse,
    score,
)
from guardrails.pii.names_zh.training.silver import Silver, swapped
from guardrails.pii.names_zh.training.templates import Templates

LEXICA: dict[str, Any] = {
    "person": ["王建国", "李小明", "陈静雯", "克林顿", "施瓦辛格", "巴特尔", "李明"],
    "foreign": ["克林顿", "施瓦辛格"],
    "place": ["北京", "河南", "广州", "黄山路"],
    "organisation": ["北京大学", "新华社", "河南大学"],
    "word": ["记者", "今天", "高兴"],
    "adm": [[0, "河南省", "河南"], [1, "郑州市", "郑州"], [2, "中原区", "中原"], [3, "石佛镇", ""]],
    "country": [["法国", "法兰西共和国"]],
    "foreign_city": ["里昂"],
    "geo": ["黄山路"],
    "brand": ["锦屏"],
    "fold": [["國", "国"]],
}
LEXICA["person"] += [f"{surname}建明" for surname in "王李张刘陈杨黄赵吴周徐孙马朱胡"]


@pytest.fixture
def templates() -> Templates:
    return Templates(LEXICA, Random(1))


def test_a_marked_text_is_read() -> None:
    sample = parse("{P鲁迅}的故居在{L绍兴}")
    assert sample == Sample("鲁迅的故居在绍兴", ((0, 2, "P"), (6, 8, "L")))


def test_labels_of_characters_with_an_unsure_one() -> None:
    numbers = labels_of(parse("{P鲁迅}和{X小白}"))
    assert numbers[3:].tolist() == [IGNORED, IGNORED]
    assert [LABELS[number] for number in numbers[:3]] == ["B-PERSON", "I-PERSON", "O"]


def test_score_counts_characters_of_any_kind() -> None:
    result = score([parse("{P鲁迅}在{L绍兴}")], [[(0, 3)]])
    assert result == (2 / 3, 0.5)
    assert score([parse("{P鲁迅}在{L绍兴}")], [[(0, 3)]], "P").recall == 1.0


@pytest.mark.parametrize("kind", ["news", "chat", "plain"])
def test_templates_leave_no_slot_unfilled(templates: Templates, kind: str) -> None:
    samples = list(templates.samples(kind, 400))
    assert not any(mark in sample.text for sample in samples for mark in "<>{}")
    for sample in samples:
        assert all(0 <= start < end <= len(sample.text) for start, end, _ in sample.names)


def test_a_name_put_together_is_one_name(templates: Templates) -> None:
    sample = parse(templates.fill("{O<L>县委}书记<PC>"))
    assert [kind for _, _, kind in sample.names] == ["O", "P"]
    assert sample.text[: sample.names[0][1]].endswith("县委")


def test_silver_keeps_what_is_built_like_a_name(tmp_path: Path) -> None:
    words = [[3, "PER"], [1, "c"], [3, "PER"], [1, "v"], [3, "n"]]
    row = {"text": "何明建和嘤嘤嘤是河南人", "words": words}
    path = tmp_path / "labelled.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    (sample,) = Silver(LEXICA).samples(path)
    assert sample.names == ((0, 3, "P"), (4, 7, "X"), (8, 10, "L"))


def test_swapped_names_stand_where_others_stood(templates: Templates) -> None:
    sample = parse("记者{P陈静雯}在{L广州}报道")
    other = swapped(sample, templates, Random(3), share=1.0)
    assert [kind for _, _, kind in other.names] == ["P", "L"]
    outside = [other.text[: other.names[0][0]], other.text[other.names[1][1] :]]
    assert outside == ["记者", "报道"]


def test_a_trained_network_finds_what_it_was_shown(tmp_path: Path) -> None:
    fold, lexicon = pack_lexicon(LEXICA, tmp_path / "lexicon_zh.npz")
    samples = [
        parse(f"记者{{P王{each}明}}在{{L广州}}报道") for each in "建国静小大" for _ in range(12)
    ]
    plan = Plan(epochs=12, characters=200, rate=1e-2, width=16, hidden=16)
    fit(samples, fold, lexicon, plan).export(tmp_path / "network.npz")
    network = TaggerNetwork.load(tmp_path / "network.npz")
    text = "记者王文明在广州报道"
    probabilities = network.tag(rows(encode(text, fold), lexicon))
    assert np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-3)
    names = [
        text[each.start : each.end] for each in NameDecoder(network.labels).names(probabilities)
    ]
    assert names == ["王文明", "广州"]
