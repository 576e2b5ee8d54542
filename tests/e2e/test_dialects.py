"""Backends' words and slips through a whole gateway: guards see the repaired answer."""

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from support.deployment import KEYS, Capture, Deployment, capture_upstream, gateway, settings

HEADERS = {"authorization": f"Bearer {KEYS['acme']}"}
ALL_KEYS = {**KEYS, "initech": "sov-initech-key-for-tests-only"}
MAIL = "greta.vogel@example.com"
TOOLS = [{"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}]
LEAK = (
    "On it.\n<｜DSML｜tool_calls>\n"
    '<｜DSML｜invoke name="send">\n'
    '<｜DSML｜parameter name="to" string="true">{echo}</｜DSML｜parameter>\n'
    '<｜DSML｜parameter name="copies" string="false">2</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n</｜DSML｜tool_calls>"
)


@dataclass(frozen=True)
class Site:
    capture: Capture
    deployment: Deployment

    def ask(self, model: str, *, headers: Any = HEADERS, **body: Any) -> httpx.Response:
        given = {"model": model, "messages": [{"role": "user", "content": MAIL}]}
        url = f"{self.deployment.base_url}/chat/completions"
        response = httpx.post(url, json={**given, **body}, headers=headers, timeout=30)
        assert response.status_code == 200, response.text
        return response

    def message(self, model: str, **body: Any) -> dict[str, Any]:
        return self.ask(model, **body).json()["choices"][0]["message"]

    def deltas(self, model: str, **body: Any) -> list[dict[str, Any]]:
        lines = self.ask(model, **body, stream=True).text.splitlines()
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
        return [choice for event in events for choice in event["choices"]]

    def sent(self) -> dict[str, Any]:
        return self.capture.seen()[-1]["body"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("dialects")
    with capture_upstream(directory) as capture:
        content = settings(directory, capture.url)
        for dialect in ("vllm", "deepseek", "ollama", "mindie", "openai"):
            content["upstreams"].append(
                {
                    "name": dialect,
                    "kind": "openai",
                    "base_url": f"{capture.url}/v1",
                    "zone": "onprem",
                    "models": [f"at-{dialect}"],
                    "dialect": dialect,
                }
            )
        tenants = content["bootstrap"]["tenants"]
        names = {"vllms": "reasoning", "alls": "both"}
        content["policies"] = {who: {"reasoning_field": name} for who, name in names.items()}
        content["policies"]["default"] = {}
        tenants[1]["policy"] = "vllms"
        key = {"name": "app", "env": "SOV_KEY_INITECH"}
        tenants.append({"name": "initech", "policy": "alls", "keys": [key]})
        env = {"SOV_KEY_INITECH": ALL_KEYS["initech"]}
        with gateway(directory, content, env=env) as deployment:
            yield Site(capture, deployment)


@pytest.fixture(autouse=True)
def _forget(site: Site) -> None:
    site.capture.reset()


def test_a_leaked_call_is_restored_and_given_as_one(site: Site) -> None:
    site.capture.script(content=LEAK)
    answer = site.ask("at-deepseek", tools=TOOLS).json()["choices"][0]

    assert MAIL not in json.dumps(site.capture.seen())
    (call,) = answer["message"]["tool_calls"]
    assert call["function"]["name"] == "send"
    assert json.loads(call["function"]["arguments"]) == {"to": MAIL, "copies": 2}
    assert answer["message"]["content"] == "On it.\n"
    assert answer["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("seed", range(8))
def test_a_leaked_call_in_a_stream(site: Site, seed: int) -> None:
    cuts = sorted(random.Random(seed).sample(range(1, len(LEAK)), 6 * (seed + 1)))
    site.capture.script(content=LEAK, cuts=cuts)
    choices = site.deltas("at-vllm", tools=TOOLS)

    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    calls = [call for c in choices for call in c["delta"].get("tool_calls") or ()]
    arguments = "".join(call["function"].get("arguments") or "" for call in calls)
    assert text == "On it.\n"
    assert json.loads(arguments) == {"to": MAIL, "copies": 2}
    assert next(call["id"] for call in calls if "id" in call).startswith("call_")
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_without_tools_the_markup_is_an_answer_like_any_other(site: Site) -> None:
    site.capture.script(content=LEAK)

    assert site.message("at-deepseek")["content"] == LEAK.replace("{echo}", MAIL)


def test_an_upstream_without_repairs_is_left_alone(site: Site) -> None:
    site.capture.script(content=LEAK)

    assert "DSML" in site.message("any-model", tools=TOOLS)["content"]


def test_leaked_thinking_is_restored_as_reasoning(site: Site) -> None:
    site.capture.script(content="<think>\nFor {echo}?</think>\n\nYes.")
    message = site.message("at-mindie")
    choices = site.deltas("at-mindie")

    assert (message["reasoning_content"], message["content"]) == (f"For {MAIL}?", "Yes.")
    for name, expected in (("reasoning_content", f"For {MAIL}?"), ("content", "Yes.")):
        assert "".join(c["delta"].get(name) or "" for c in choices) == expected


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "thinking"])
def test_reasoning_under_any_name(site: Site, name: str) -> None:
    site.capture.script(reasoning="Of {echo}", reasoning_name=name)
    for model in ("at-vllm", "at-ollama", "any-model"):
        message = site.message(model)
        assert message["reasoning_content"] == f"Of {MAIL}"
        assert {"reasoning", "thinking"}.isdisjoint(message)
        deltas = [choice["delta"] for choice in site.deltas(model)]
        assert "".join(d.get("reasoning_content") or "" for d in deltas) == f"Of {MAIL}"
        assert not any({"reasoning", "thinking"} & d.keys() for d in deltas)


@pytest.mark.parametrize(
    ("tenant", "names"),
    [("globex", {"reasoning"}), ("initech", {"reasoning", "reasoning_content"})],
)
def test_a_tenants_clients_find_reasoning_where_they_look(
    site: Site, tenant: str, names: set[str]
) -> None:
    site.capture.script(reasoning="Of {echo}", content='So "reasoning_content": it is')
    headers = {"authorization": f"Bearer {ALL_KEYS[tenant]}"}
    message = site.message("at-vllm", headers=headers)
    deltas = [choice["delta"] for choice in site.deltas("at-vllm", headers=headers)]

    both = {"reasoning", "reasoning_content"}
    assert {name: message[name] for name in both & message.keys()} == dict.fromkeys(
        names, f"Of {MAIL}"
    )
    for name in both:
        text = "".join(delta.get(name) or "" for delta in deltas)
        assert text == (f"Of {MAIL}" if name in names else "")
    assert message["content"] == 'So "reasoning_content": it is'


def test_history_goes_back_as_each_backend_demands(site: Site) -> None:
    turns = [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two", "reasoning_content": f"To {MAIL}"},
        {"role": "user", "content": MAIL},
    ]

    def sent(model: str, **body: Any) -> dict[str, Any]:
        site.ask(model, messages=turns, **body)
        assert MAIL not in json.dumps(site.sent())
        return site.sent()["messages"][1]

    assert sent("at-vllm").keys() == {"role", "content", "reasoning"}
    assert sent("at-deepseek").keys() == {"role", "content"}
    assert sent("at-deepseek", tools=TOOLS).keys() == {"role", "content", "reasoning_content"}
    assert sent("at-openai").keys() == {"role", "content"}


def test_a_clients_effort_arrives_in_the_backends_word(site: Site) -> None:
    efforts = ["minimal", "medium", "xhigh", "ultra"]
    said: dict[str, list[Any]] = {}
    for model, effort in itertools.product(("at-vllm", "at-openai", "at-deepseek"), efforts):
        body = (
            {"reasoning": {"effort": effort}} if effort == "ultra" else {"reasoning_effort": effort}
        )
        site.ask(model, **body)
        sent = site.sent()
        kwargs = sent.get("chat_template_kwargs", {})
        said.setdefault(model, []).append(
            sent.get("reasoning_effort", kwargs.get("reasoning_effort"))
        )
        assert "reasoning" not in sent

    assert said == {
        "at-vllm": [None, "medium", "high", "max"],  # minimal: no thinking
        "at-openai": ["minimal", "medium", "xhigh", "xhigh"],
        "at-deepseek": [None, "high", "high", "max"],
    }


def test_the_limit_of_tokens_has_the_backends_name(site: Site) -> None:
    for model, name in (("at-openai", "max_completion_tokens"), ("at-deepseek", "max_tokens")):
        site.ask(model)
        assert {"max_tokens", "max_completion_tokens"} & site.sent().keys() == {name}
