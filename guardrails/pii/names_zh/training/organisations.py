"""Organisations: authorities, courts, firms, universities, clubs, media, by kind."""

# A word list, or a condition on words, reads best on one line.
# ruff: noqa: E501

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from guardrails.pii.names_zh.training import wordlists as words
from guardrails.pii.names_zh.training.people import People
from guardrails.pii.names_zh.training.places import Places

_FIELDS = "师范 科技 理工 医科 农业 财经 政法 工业 民族 外国语 交通 林业 中医药 工程 海洋 体育 传媒".split()
_SCHOOLS = "第一中学 第二中学 实验小学 中心小学 实验中学 外国语学校 一中 二中 三中 附小 职业中学 幼儿园 中学 小学".split()  # fmt: skip
_SPECIALITIES = "人民医院 第一人民医院 中心医院 中医院 妇幼保健院 儿童医院 肿瘤医院 第二医院 口腔医院 精神卫生中心".split()  # fmt: skip
_PAPERS = "日报 晚报 晨报 都市报 商报 电视台 广播电台 卫视 时报".split()
_ABROAD = "议会 外交部 国防部 央行 警方 政府 国家电视台 最高法院 中央银行 奥委会 足协 卫生部 海军 空军".split()
_SOCIETIES = "作家协会 美术家协会 书法家协会 足球协会 律师协会 商会 慈善总会 消费者协会 企业家协会 学生联合会 红十字会".split()  # fmt: skip


class Organisations:
    """Draws organisations; half from lists, half put together from places and trades."""

    def __init__(
        self, lexica: Mapping[str, Any], places: Places, people: People, random: Random
    ) -> None:
        self._random, self._places, self._people = random, places, people
        self._brands: Sequence[str] = lexica["brand"]
        known: Sequence[str] = [each for each in lexica["organisation"] if len(each) <= 12]
        self._universities = [each for each in known if each.endswith(("大学", "学院"))]
        self._others = [each for each in known if not each.endswith(("大学", "学院"))]

    def authority(self) -> str:
        """A ministry or a local office."""
        draw = self._random.random()
        if draw < 0.5:
            return self._random.choice(words.MINISTRIES)
        if draw < 0.62:
            return self._places.country() + self._random.choice(_ABROAD)
        return self._seat() + self._random.choice(words.UNITS)

    def court(self) -> str:
        """A court of some level."""
        kind = self._random.choice(("中级人民法院", "人民法院", "高级人民法院", "法院", "中院"))
        return self._seat() + kind

    def prosecutor(self) -> str:
        """A prosecutor's office."""
        return self._seat() + self._random.choice(("人民检察院", "检察院"))

    def police(self) -> str:
        """A police office."""
        ends = ("公安局", "公安分局", "派出所", "警方", "市公安局刑警大队", "交警大队")
        return self._seat() + self._random.choice(ends)

    def firm(self) -> str:
        """A company, by its short or its registered name."""
        draw = self._random.random()
        if draw < 0.4:
            return self._random.choice(words.FIRMS)
        if draw < 0.5:
            return self._random.choice(self._others)
        brand = self._random.choice(self._brands)
        if draw < 0.6:
            return brand + self._random.choice(("公司", "集团", "股份", "科技", "控股", "银行"))
        seat = self._seat() if self._random.random() < 0.6 else ""
        trade = self._random.choice(words.TRADES)
        return seat + brand + trade + self._random.choice(words.FIRM_ENDINGS)

    def university(self) -> str:
        """A university or college."""
        draw = self._random.random()
        if draw < 0.5:
            return self._random.choice(words.UNIVERSITIES)
        if draw < 0.75:
            return self._random.choice(self._universities)
        field = self._random.choice(_FIELDS) if self._random.random() < 0.6 else ""
        return self._places.any_place() + field + self._random.choice(("大学", "学院"))

    def school(self) -> str:
        """A school."""
        return self._places.city() + self._random.choice(_SCHOOLS)

    def hospital(self) -> str:
        """A hospital."""
        if self._random.random() < 0.5:
            return self._random.choice(words.HOSPITALS)
        return self._seat() + self._random.choice(_SPECIALITIES)

    def media(self) -> str:
        """A paper, station or agency."""
        if self._random.random() < 0.75:
            return self._random.choice(words.MEDIA)
        place = self._random.choice((self._places.city, self._places.country))()
        return place + self._random.choice(_PAPERS)

    def club(self) -> str:
        """A team."""
        if self._random.random() < 0.75:
            return self._random.choice(words.CLUBS)
        return self._places.any_place() + self._random.choice(
            ("队", "女排", "男篮", "女足", "国奥队")
        )

    def society(self) -> str:
        """An association of artists or others."""
        if self._random.random() < 0.5:
            return self._random.choice(words.ARTS)
        return self._places.city() + self._random.choice(_SOCIETIES)

    def law_firm(self) -> str:
        """A law firm."""
        return self._places.city() + self._random.choice(self._brands) + "律师事务所"

    def one_of(self, listed: Sequence[str]) -> str:
        """From a list of ``wordlists``."""
        return self._random.choice(listed)

    def _seat(self) -> str:
        if self._random.random() < 0.5:
            return self._places.city()
        return "".join(self._places.local())
