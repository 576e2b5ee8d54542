"""Any text and any structure as a configuration: settings, or one error that says why."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.yaml_text import InvalidYaml, read_yaml
from gateway.errors import SettingsError
from gateway.settings import Settings, load_settings, parse_settings
from guardrails.pii.custom.errors import InvalidRecognizer, InvalidRegistry
from guardrails.pii.custom.registry import RegistryFile

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**30, 10**40),
    st.floats(),
    st.text(max_size=12),
    st.dates(),
    st.sampled_from(
        ["mask", "block", "default", "onprem", "redis://x", "-1", "1e999", "NaN", "0x1", "~", "::"]
    ),
)
NAMES = sorted(Settings.model_fields)


def _fields(model: Any) -> list[str]:
    from pydantic import BaseModel

    from gateway.settings.docs import _models_in

    found = []
    for name, field in model.model_fields.items():
        found.append(name)
        for inner, _ in _models_in(field.annotation):
            found += _fields(inner) if issubclass(inner, BaseModel) else []
    return found


KEYS = st.one_of(st.sampled_from(sorted(set(_fields(Settings)))), st.text(max_size=6))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
CONTENTS = st.dictionaries(st.sampled_from(NAMES) | SCALARS, VALUES, max_size=6)


@given(CONTENTS)
def test_any_structure(content: dict[Any, Any]) -> None:
    with suppress(SettingsError):
        parse_settings(content)


@given(st.one_of(CONTENTS.map(yaml.dump), st.text(), st.binary()))
def test_any_file(tmp_path_factory: pytest.TempPathFactory, content: str | bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "sovgate.yaml"
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    file.write_bytes(data)
    with suppress(SettingsError):
        load_settings(file)


TOKENS = ["&a ", "*a", "*b", "&b ", "[", "]", "{", "}", ": ", ", ", "- ", "\n", "  ", "<<", "!!"]
ODD_TOKENS = ["!!python/object:os.system ", "!!binary ", "%YAML 1.1\n", "--- ", "? ", "2026-99-99"]
YAML_TEXTS = st.lists(
    st.one_of(st.sampled_from(TOKENS + ODD_TOKENS), st.text(max_size=4)), max_size=30
).map("".join)


@given(YAML_TEXTS)
def test_any_yaml(text: str) -> None:
    with suppress(InvalidYaml):
        read_yaml(text)


@given(
    st.one_of(
        YAML_TEXTS,
        st.fixed_dictionaries(
            {"recognizers": st.lists(st.dictionaries(st.text(max_size=8), VALUES), max_size=3)}
        ).map(yaml.dump),
    )
)
def test_any_registry(text: str) -> None:
    with suppress(InvalidRegistry, InvalidRecognizer):
        RegistryFile(text, "").recognizers()


LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "stands for more than"),
        ("a: &a [*a]", "nested too deep"),
        ("a: &a {b: *a}", "nested too deep"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested"),
        ("a: " + "{a: " * 60 + "1" + "}" * 60, "nested too deep"),
        ("a: " + "9" * 10_000, "out of range"),
        ("a: 2026-13-45", "out of range"),
        ("pii: 1\npii: 2", "line 2: the key stands there twice"),
        ("a: !!python/object/apply:os.system ['true']", "line 1"),
        ("a: " + "x" * 5_000_000, "characters"),
        ("password: secret-value: [", "line 1"),
    ],
    ids=range(11),
)
def test_bombs_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidYaml, match=said):
        read_yaml(text)
    file = tmp_path / "sovgate.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load_settings(file)
    assert "secret-value" not in raised.value.message
    with pytest.raises(InvalidRegistry):
        RegistryFile(text, "").recognizers()


def test_anchors_that_stand_for_little_are_read() -> None:
    text = "base: &base {a: 1, b: [2, 3]}\none: {<<: *base, a: 4}\ntwo: [*base, *base]"
    assert read_yaml(text)["one"] == {"a": 4, "b": [2, 3]}
    assert read_yaml("") is None
