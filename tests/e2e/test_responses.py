"""The openai SDK's Responses API through a real gateway, on both databases."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from support.deployment import (
    KEYS,
    Capture,
    Deployment,
    capture_upstream,
    gateway,
    settings,
    sovgate,
)
from support.processes import answers, free_port, running

NAME = "Greta Vogel"
HELLO = f"My name is {NAME}."


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    with capture_upstream(tmp_path_factory.mktemp("responses_capture")) as capture:
        yield capture


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, capture: Capture) -> Iterator[Deployment]:
    """One gateway: tenant acme stores, globex's policy forbids it."""
    directory = tmp_path_factory.mktemp("responses")
    content = settings(directory, capture.url)
    content["policies"] = {
        "default": {"pii": {"modes": {"EMAIL_ADDRESS": "redact"}}},
        "forgetful": {"responses": {"store": False}, "moderation": {"output": "block"}},
    }
    content["bootstrap"]["tenants"][1]["policy"] = "forgetful"
    with gateway(directory, content) as deployment:
        yield deployment


@pytest.fixture
def api(site: Deployment, capture: Capture) -> Iterator[OpenAI]:
    capture.reset()
    with OpenAI(base_url=site.base_url, api_key=KEYS["acme"], max_retries=0) as client:
        yield client


@pytest.fixture
def forgetful(site: Deployment) -> Iterator[OpenAI]:
    with OpenAI(base_url=site.base_url, api_key=KEYS["globex"], max_retries=0) as client:
        yield client


def code(call: Any) -> tuple[int, str | None]:
    """Status and code of the error that a call ends in."""
    with pytest.raises(openai.APIStatusError) as caught:
        call()
    return caught.value.status_code, caught.value.code


def test_a_turn_is_masked_restored_stored_and_built_upon(api: OpenAI, capture: Capture) -> None:
    first = api.responses.create(model="flash", input=HELLO, instructions="Be brief.")
    assert first.output_text == f"You said: {HELLO}"
    second = api.responses.create(
        model="flash", input=f"Who is {NAME}?", previous_response_id=first.id
    )
    assert second.output_text == f"You said: Who is {NAME}?"
    assert second.previous_response_id == first.id
    one, two = (seen["body"]["messages"] for seen in capture.seen())
    assert [message["role"] for message in one] == ["system", "user"]
    assert [message["role"] for message in two] == ["user", "assistant", "user"]  # as OpenAI's
    assert NAME not in json.dumps([one, two])
    token = one[1]["content"].removeprefix("My name is ").rstrip(".")
    assert two[0]["content"] == f"My name is {token}."
    assert two[1]["content"] == f"You said: My name is {token}."
    assert two[2]["content"] == f"Who is {token}?"
    shown = api.responses.retrieve(first.id)
    assert shown.to_dict() == first.to_dict()
    items = api.responses.input_items.list(second.id)
    assert [item.content[0].text for item in items.data] == [f"Who is {NAME}?"]  # type: ignore[union-attr,index]
    api.responses.delete(first.id)
    assert code(lambda: api.responses.retrieve(first.id)) == (404, "response_not_found")
    again: Any = {"model": "flash", "input": "x", "previous_response_id": second.id}
    assert code(lambda: api.responses.create(**again)) == (400, "previous_response_not_found")


def test_nothing_stands_in_the_database_in_clear(api: OpenAI, site: Deployment) -> None:
    api.responses.create(model="flash", input=f"I am {NAME}, canary 4711.", user="greta-4711")
    data = site.directory / "data"
    with sqlite3.connect(f"file:{data / 'sovgate.db'}?mode=ro", uri=True) as database:
        count = database.execute("SELECT count(*) FROM stored_responses").fetchone()[0]
    assert count > 0
    for file in data.rglob("*"):
        if file.is_file():
            raw = file.read_bytes()
            assert b"Greta" not in raw, file
            assert b"greta-4711" not in raw, file
            assert b"canary 4711" not in raw, file


def test_a_stream_is_stored_before_it_says_that_it_is_complete(api: OpenAI) -> None:
    with api.responses.stream(model="flash", input=HELLO) as run:
        kinds = []
        for event in run:
            kinds.append(event.type)
            if event.type == "response.completed":
                stored = api.responses.retrieve(event.response.id)
                assert stored.output_text == f"You said: {HELLO}"
        final = run.get_final_response()
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens) == (11, 7)


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_and_calls_come_and_go_back(api: OpenAI, capture: Capture, stream: bool) -> None:
    """Without a store: the client keeps the turn, its reasoning sealed."""
    capture.script(content="", reasoning="Of {echo}", tool_arguments='{"to": "{echo}"}')
    tool: Any = {"type": "function", "name": "send", "parameters": {"type": "object"}}
    asked: Any = {
        "model": "flash",
        "input": HELLO,
        "tools": [tool],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"summary": "auto"},
    }
    if stream:
        with api.responses.stream(**asked) as run:
            answer: Any = run.get_final_response()
    else:
        answer = api.responses.create(**asked)
    thought, call = answer.output
    assert thought.summary[0].text == f"Of {HELLO}"
    assert json.loads(call.arguments) == {"to": HELLO}
    assert code(lambda: api.responses.retrieve(answer.id)) == (404, "response_not_found")
    capture.script()
    sealed = thought.to_dict() | {"summary": []}
    output = {"type": "function_call_output", "call_id": call.call_id, "output": f"Sent to {NAME}"}
    last = api.responses.create(
        **asked | {"input": [{"role": "user", "content": HELLO}, sealed, call.to_dict(), output]}
    )
    assert last.output_text == f"You said: {HELLO}"
    messages = capture.seen()[-1]["body"]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert NAME not in json.dumps(messages)
    assert "[PERSON_1]" in json.dumps(messages[1]["tool_calls"])
    assert "[PERSON_1]" in messages[2]["content"]


def test_a_reference_brings_the_item_itself(api: OpenAI, capture: Capture) -> None:
    first = api.responses.create(model="flash", input=HELLO)
    given: Any = [
        {"type": "item_reference", "id": api.responses.input_items.list(first.id).data[0].id},
        {"id": first.output[0].id},
        {"role": "user", "content": "Go on."},
    ]
    api.responses.create(model="flash", input=given)
    messages = capture.seen()[-1]["body"]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    made_up: Any = [{"type": "item_reference", "id": "msg_01abc_0"}]
    assert code(lambda: api.responses.create(model="flash", input=made_up)) == (
        400,
        "item_not_found",
    )


def test_another_tenants_responses_are_not_there(api: OpenAI, forgetful: OpenAI) -> None:
    """The same answers as for an id that nobody has."""
    mine = api.responses.create(model="flash", input=HELLO)
    stranger = forgetful.responses
    for response_id in (mine.id, "resp_nobody", "resp_'; --"):
        gone = (404, "response_not_found")
        assert code(lambda id=response_id: stranger.retrieve(id)) == gone  # type: ignore[misc]
        assert code(lambda id=response_id: stranger.delete(id)) == gone  # type: ignore[misc]
        assert code(lambda id=response_id: stranger.cancel(id)) == gone  # type: ignore[misc]
        assert code(lambda id=response_id: stranger.input_items.list(id)) == gone  # type: ignore[misc]
        asked: Any = {"model": "flash", "input": "x", "previous_response_id": response_id}
        assert code(lambda body=asked: stranger.create(**body)) == (  # type: ignore[misc]
            400,
            "previous_response_not_found",
        )
    assert api.responses.retrieve(mine.id).id == mine.id
    assert code(lambda: api.responses.cancel(mine.id)) == (400, "response_not_cancellable")


def test_a_policy_can_forbid_to_store(forgetful: OpenAI, capture: Capture) -> None:
    capture.reset()
    answer = forgetful.responses.create(model="flash", input=HELLO, store=True)
    assert answer.to_dict()["store"] is False
    assert code(lambda: forgetful.responses.retrieve(answer.id)) == (404, "response_not_found")


@pytest.mark.parametrize("stream", [False, True])
def test_an_unsafe_answer_is_incomplete(forgetful: OpenAI, capture: Capture, stream: bool) -> None:
    capture.reset()
    capture.script(content="I will kill you, you worthless idiot. I will murder your family.")
    if stream:
        events = list(forgetful.responses.create(model="flash", input="Hello", stream=True))
        assert events[-1].type == "response.incomplete"
        answer = events[-1].response
    else:
        answer = forgetful.responses.create(model="flash", input="Hello")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "content_filter"
    assert "family" not in answer.output_text


def test_a_stream_that_breaks_off_fails_aloud_and_is_settled(
    api: OpenAI, capture: Capture, site: Deployment
) -> None:
    capture.script(break_after=4)
    events: list[Any] = []
    stream = iter(api.responses.create(model="flash", input=HELLO, stream=True))
    with pytest.raises(openai.APIError, match="broke off") as caught:
        events.extend(stream)
    assert caught.value.code == "upstream_error"
    assert events[0].type == "response.created"
    body = {"model": "flash", "input": HELLO, "stream": True}
    headers = {"authorization": f"Bearer {KEYS['acme']}"}
    raw = httpx.post(f"{site.base_url}/responses", json=body, headers=headers).text
    last, end = raw.strip().split("\n\n")[-2:]
    assert last.startswith("event: error\n")
    assert end.startswith("event: response.failed\n")
    failed = json.loads(end.partition("data: ")[2])["response"]
    assert (failed["status"], failed["error"]["code"]) == ("failed", "server_error")
    assert code(lambda: api.responses.retrieve(failed["id"])) == (404, "response_not_found")


def test_earlier_turns_count_against_the_budget(api: OpenAI, site: Deployment) -> None:
    """A chain's history is part of the worst case that is set aside."""
    login = {"email": "owner@example.com", "password": "a-password-for-tests-only"}
    long = "word " * 6_000
    first = api.responses.create(model="flash", input=long)
    with httpx.Client(base_url=f"{site.url}/admin/api/v1", timeout=60) as admin:
        admin.headers["x-csrf-token"] = admin.post("/login", json=login).json()["csrf_token"]
        budget = {"scope": "tenant", "limit_usd": "0.005", "period": "day", "hard": True}
        made = admin.post("/tenants/acme/budgets", json=budget)
        assert made.is_success, made.text
        try:
            again: Any = {"model": "flash", "input": "x", "max_output_tokens": 16}
            api.responses.create(**again)
            more: Any = {**again, "previous_response_id": first.id}
            assert code(lambda: api.responses.create(**more)) == (429, "budget_exceeded")
        finally:
            admin.delete(f"/tenants/acme/budgets/{made.json()['id']}")


def test_erasing_a_value_takes_the_turns_in_which_it_was_masked(
    api: OpenAI, site: Deployment
) -> None:
    """Whatever stood for it: the policy of acme redacts addresses."""
    address = "boris.adler@example.org"
    hers = api.responses.create(model="flash", input=f"The invoice goes to {address}.")
    others = api.responses.create(model="flash", input="The weather is nice.")
    erased = sovgate(site, "vault", "erase", "--tenant", "acme", "--value", address)
    assert erased.status == 0, erased.errors
    assert code(lambda: api.responses.retrieve(hers.id)) == (404, "response_not_found")
    assert api.responses.retrieve(others.id).output_text == "You said: The weather is nice."
    again = api.responses.create(model="flash", input=HELLO)  # under the changed keys
    assert api.responses.retrieve(again.id).output_text == f"You said: {HELLO}"


class Status(BaseModel):
    ok: bool


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_everyday_sdk_against_an_obedient_upstream_on_postgresql(
    tmp_path: Path, database_url: str
) -> None:
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    with running(
        [sys.executable, "-m", "support.obedient_upstream", str(port)],
        ready=answers(f"{root}/v1/models"),
        log=tmp_path / "obedient.log",
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
    ):
        content = settings(tmp_path, root) | {"database": {"url": database_url}}
        with (
            gateway(tmp_path, content) as deployment,
            OpenAI(base_url=deployment.base_url, api_key=KEYS["acme"]) as api,
        ):
            parsed = api.responses.parse(model="flash", input="Status?", text_format=Status)
            assert isinstance(parsed.output_parsed, Status)
            tool: Any = {"type": "function", "name": "send", "strict": False,
                         "parameters": {"type": "object", "properties": {"to": {"type": "string"}},
                                        "required": ["to"]}}  # fmt: skip
            asked: Any = {"model": "flash", "tools": [tool], "parallel_tool_calls": False}
            answer: Any = api.responses.create(input=HELLO, tool_choice="required", **asked)
            (call,) = answer.output
            assert json.loads(call.arguments) == {"to": HELLO}
            result: Any = {"type": "function_call_output", "call_id": call.call_id,
                           "output": f"{NAME} is well"}  # fmt: skip
            last = api.responses.create(input=[result], previous_response_id=answer.id, **asked)
            assert last.output_text == f"The tool said: {NAME} is well"
            assert api.responses.retrieve(last.id).output_text == last.output_text
            api.responses.delete(answer.id)
            assert code(lambda: api.responses.retrieve(answer.id)) == (404, "response_not_found")
