from pathlib import Path

import pytest

from guardrails.pii.names_zh import ChineseTagger
from guardrails.pii.names_zh.training.sample import Score, read_marked, score

SENTENCE = "记者昨天从北京大学获悉，教授李建国已经抵达上海。"
NAMES = ["北京大学", "李建国", "上海"]
PROMPTS = [
    "请用简单的语言解释一下什么是区块链技术，并举两个生活中的例子。",
    "高血压病人早上可以喝咖啡吗？有什么需要注意的地方？",
    "帮我把这段代码改成异步的，顺便加上超时和重试。",
    "于是我们决定放弃原来的方案，重新设计整个流程。",
    "马上要交论文了，可是文献综述还没有写完，怎么办？",
    "项目经理要求下周一之前提交一份风险评估报告。",
    "写一首关于秋天的现代诗，要求意境优美，不超过二十行。",
    "文明的发展离不开交流与互鉴。",
    "白天黑夜温差大，外出请带外套。",
    "王国的国王有三个女儿，最小的那个最聪明。",
    "这台洗衣机脱水的时候声音特别响，是不是坏了？",
    "请把客户反馈按照严重程度分成三类，并给出处理建议。",
    "金牌讲师手把手教你做表格，零基础也能学会。",
    "周末加班有没有加班费，劳动法是怎么规定的？",
    "如何在三十天内养成早起的习惯？",
    "安装过程中出现错误提示，说缺少动态链接库。",
    "你是一个翻译助手，只输出译文，不要解释。",
    "任何时候都不要把密码告诉别人。",
    "高兴之余，也要看到存在的不足。",
    "这家餐厅的服务员态度很好，就是上菜有点慢。",
]


@pytest.fixture(scope="module")
def tagger() -> ChineseTagger:
    return ChineseTagger.load()


def names(tagger: ChineseTagger, text: str) -> list[str]:
    return [text[each.start : each.end] for each in tagger.find(text)]


def judged(tagger: ChineseTagger, name: str) -> Score:
    samples = read_marked(Path(__file__).parent / f"gold_{name}.txt")
    return score(samples, [[each[:2] for each in tagger.find(each.text)] for each in samples])


@pytest.mark.parametrize("name", ["news", "social"])
def test_reaches_its_bar_on_texts_marked_by_hand(tagger: ChineseTagger, name: str) -> None:
    result = judged(tagger, name)
    assert result.recall >= 0.88
    assert result.precision >= 0.85


def test_finds_little_in_prompts_without_names(tagger: ChineseTagger) -> None:
    found = [name for prompt in PROMPTS for name in names(tagger, prompt)]
    assert len(found) <= 2, found


def test_finds_the_same_in_a_long_text(tagger: ChineseTagger) -> None:
    assert names(tagger, SENTENCE) == NAMES
    assert names(tagger, SENTENCE * 400) == NAMES * 400


@pytest.mark.parametrize("shift", range(236, 256))
def test_a_name_over_the_border_of_two_windows_is_whole(tagger: ChineseTagger, shift: int) -> None:
    filler = "我们都在认真地学习和工作" * 30
    text = filler[:shift] + "，教授李建国今天上午抵达上海，" + filler
    assert "李建国" in names(tagger, text)


def test_offsets_are_those_of_the_text(tagger: ChineseTagger) -> None:
    text = "𠮷😀 Hello\n\n" + SENTENCE
    assert names(tagger, text) == NAMES


def test_traditional_text_is_read_like_simplified(tagger: ChineseTagger) -> None:
    assert names(tagger, "記者從臺灣趕到廣東採訪。") == ["臺灣", "廣東"]
