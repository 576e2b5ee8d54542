"""Ages and dates of birth in four languages, and numbers that are neither."""

# A row of a table reads best on one line.

import pytest

from guardrails.pii import PiiEngine

FOUND = [
    ("AGE", "She is 34 years old.", "34 years old"),
    ("AGE", "a 34-year-old teacher", "34-year-old"),
    ("AGE", "a man aged 34 was", "34"),
    ("AGE", '{"age": 34}', "34"),
    ("AGE", "34 y/o male", "34 y/o"),
    ("AGE", "Ich bin 34 Jahre alt.", "34 Jahre alt"),
    ("AGE", "die 34-jährige Patientin", "34-jährige"),
    ("AGE", "une femme âgée de 34 ans", "34 ans"),
    ("AGE", "J'ai 34 ans.", "34 ans"),
    ("AGE", "他今年34岁，", "34岁"),
    ("AGE", "年龄：34", "34"),
    ("AGE", "她三十四岁", "三十四岁"),
    ("AGE", "tiene 34 años.", "34 años"),
    ("DATE_OF_BIRTH", "DOB: 1984-05-03", "1984-05-03"),
    ("DATE_OF_BIRTH", "dob=05/03/1984", "05/03/1984"),
    ("DATE_OF_BIRTH", "born May 3, 1984 in", "May 3, 1984"),
    ("DATE_OF_BIRTH", '{"born_on": "3 May 1984"}', "3 May 1984"),
    ("DATE_OF_BIRTH", "geb. 3. Mai 1984", "3. Mai 1984"),
    ("DATE_OF_BIRTH", "* 03.05.1984 in Ulm", "03.05.1984"),
    ("DATE_OF_BIRTH", "née le 3 mai 1984", "3 mai 1984"),
    ("DATE_OF_BIRTH", "nacido el 3 de mayo de 1984", "3 de mayo de 1984"),
    ("DATE_OF_BIRTH", "出生日期:19840503", "19840503"),
    ("DATE_OF_BIRTH", "一九八四年五月三日出生", "一九八四年五月三日"),
    ("DATE_OF_BIRTH", "name;dob\nGreta;1984-05-03", "1984-05-03"),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "text", "value"), FOUND)
def test_found(patterns: PiiEngine, entity: str, text: str, value: str) -> None:
    found = [(span.entity_type, text[span.start : span.end]) for span in patterns.detect(text)]
    assert (entity, value) in found


LEFT_ALONE = [
    "It took 34 years.",
    "page 34 of 120, aged cheese",
    "34 Jahre Erfahrung in Java",
    "il y a 34 personnes",
    "34 years of data, an average of 34%",
    "released on 2024-05-03 and 03.05.2024",
    "Es dauert 34 Tage.",
    "storage: 34 GB, voltage: 34",
]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_left_alone(patterns: PiiEngine, text: str) -> None:
    assert patterns.detect(text) == []
