"""The map from errors to HTTP is total, documented, and shows nothing of the inside."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import billing
import gateway
import guardrails
from core.errors import SovgateError
from gateway.errors import GatewayError, LimitExceeded
from gateway.http.errors import STATUS, http_error, status_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "errors.md"
# The admin API and the worker have maps of their own (docs/admin-api.md, docs/engine.md).
ELSEWHERE = ("gateway.admin", "gateway.cli", "inference")


def error_classes() -> Iterator[type[SovgateError]]:
    for package in (gateway, billing, guardrails):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("errors"):
                importlib.import_module(module.name)
    waiting: list[type[SovgateError]] = [SovgateError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


def ours() -> list[type[SovgateError]]:
    return sorted(
        {kind for kind in error_classes() if not kind.__module__.startswith(ELSEWHERE)},
        key=lambda kind: kind.__qualname__,
    )


def test_every_class_has_a_place_nearer_than_the_root() -> None:
    unmapped = [
        kind.__qualname__
        for kind in ours()
        if kind is not SovgateError
        and next(base for base in kind.__mro__ if base in STATUS) is SovgateError
        and kind.__module__.split(".")[0] != "core"
    ]
    assert unmapped == []


def test_every_code_is_documented() -> None:
    text = DOCUMENT.read_text()
    missing = sorted({kind.code for kind in ours() if f"`{kind.code}`" not in text})
    assert missing == []


@pytest.mark.parametrize("kind", ours(), ids=lambda kind: kind.__qualname__)
def test_status_is_an_error_status(kind: type[SovgateError]) -> None:
    status, name = status_of(kind)
    assert 400 <= status < 600
    assert name.endswith(("_error", "_quota"))


def test_the_shape_is_openai_s() -> None:
    error = http_error(GatewayError("It failed.", param="model"))
    assert json.loads(error.body()) == {
        "error": {
            "message": "It failed.",
            "type": "server_error",
            "param": "model",
            "code": "gateway_error",
        }
    }


def test_a_foreign_error_shows_nothing_of_its_text() -> None:
    error = http_error(ValueError("greta@example.com"))
    assert error.status == 500
    assert b"greta" not in error.body()


def test_retry_after() -> None:
    error = http_error(LimitExceeded("Slow down.", retry_after_s=7))
    assert (b"retry-after", b"7") in error.headers
