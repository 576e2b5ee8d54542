"""Completions, embeddings, moderations and models through the official SDK and a real gateway."""

import json
from typing import Any

import httpx
import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from support.capture_surfaces import VECTOR
from support.deployment import Capture, Deployment
from support.outcomes import assert_error, record_of

NAME, MAIL = "Greta Vogel", "greta.vogel@example.com"
PLANTED = f"My name is {NAME}, write to {MAIL}."


def sent(capture: Capture) -> str:
    """All that reached the upstream, as text."""
    return json.dumps(capture.seen())


def assert_masked(capture: Capture) -> None:
    text = sent(capture)
    assert "Greta" not in text
    assert "Vogel" not in text
    assert MAIL not in text


def test_a_completion_is_masked_and_restored(
    client: OpenAI, deployment: Deployment, capture: Capture
) -> None:
    answer = client.completions.with_raw_response.create(
        model="sov-flash", prompt=PLANTED, suffix=f"Yours, {NAME}", user=MAIL, stop=[NAME]
    )
    completion = answer.parse()
    assert completion.choices[0].text == f"You said: {PLANTED}"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 18
    assert_masked(capture)
    assert capture.seen()[0]["body"]["max_tokens"] == 16
    record = record_of(deployment, answer.headers["x-request-id"])
    assert record["surface"] == "completions"
    assert set(record["masked"]) == {"EMAIL_ADDRESS", "PERSON"}
    assert (record["tokens"]["input"], record["tokens"]["output"]) == (11, 7)


@pytest.mark.parametrize("cuts", [None, [], [*range(200)], [12, 25], [24, 30, 41]])
def test_a_stream_says_the_same_however_it_is_cut(
    client: OpenAI, capture: Capture, cuts: list[int] | None
) -> None:
    capture.script(cuts=cuts)
    stream = client.completions.create(
        model="sov-flash", prompt=PLANTED, stream=True, stream_options={"include_usage": True}
    )
    events = list(stream)
    assert "".join(e.choices[0].text for e in events if e.choices) == f"You said: {PLANTED}"
    assert events[-1].usage is not None
    assert [e.choices[0].finish_reason for e in events if e.choices][-1] == "stop"
    assert_masked(capture)


def test_several_prompts_and_their_logprobs(client: OpenAI, capture: Capture) -> None:
    prompts = [f"I am {NAME}.", f"Write to {MAIL}."]
    answer = client.completions.create(model="flash", prompt=prompts, logprobs=1)
    assert [choice.text for choice in answer.choices] == [f"You said: {p}" for p in prompts]
    for choice in answer.choices:
        logprobs = choice.logprobs
        assert logprobs is not None
        assert logprobs.tokens is not None
        assert logprobs.text_offset is not None
        assert "".join(logprobs.tokens) == choice.text
        assert logprobs.text_offset[0] == 0
        for offset, token in zip(logprobs.text_offset, logprobs.tokens, strict=True):
            assert choice.text[offset:].startswith(token)
    assert_masked(capture)


def test_what_needs_no_change_passes_byte_for_byte(raw: httpx.Client, capture: Capture) -> None:
    said = '{"id":"x",  "choices":[{"text":"Hi \\u00e9","index":0,"logprobs":null}],"usage":null}'
    capture.script(body=said)
    answer = raw.post("/completions", json={"model": "sov-flash", "prompt": "Hello"})
    assert answer.text == said


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/completions", {"model": "sov-flash", "prompt": [1, 2, 3]}, "token_ids_blocked"),
        ("/embeddings", {"model": "sov-flash", "input": [[1, 2], [3]]}, "token_ids_blocked"),
        ("/embeddings", {"model": "auto", "input": "x"}, "tier_not_supported"),
        ("/embeddings", {"model": "flash", "input": "x"}, "tier_not_supported"),
        ("/embeddings", {"model": "sov-flash", "input": []}, "invalid_request"),
        ("/embeddings", {"model": "sov-flash", "input": "x", "stream": True}, "invalid_request"),
        ("/completions", {"model": "sov-flash"}, "invalid_request"),
        ("/completions", {"model": "sov-flash", "prompt": ["x", 1]}, "invalid_request"),
        ("/moderations", {"input": []}, "invalid_request"),
        (
            "/moderations",
            {"input": [{"type": "image_url", "image_url": {"url": "data:"}}]},
            "unsupported_feature",
        ),
    ],
)
def test_what_cannot_be_served_is_said(
    raw: httpx.Client, capture: Capture, path: str, body: dict[str, Any], code: str
) -> None:
    assert_error(raw.post(path, json=body), 400, code)
    assert capture.seen() == []


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(
    client: OpenAI, deployment: Deployment, capture: Capture, encoding: Any
) -> None:
    answer = client.embeddings.with_raw_response.create(
        model="sov-flash", input=[PLANTED, "Plain."], encoding_format=encoding, dimensions=4
    )
    data = answer.parse().data
    assert len(data) == 2
    if encoding == "float":
        assert data[0].embedding == VECTOR
    assert_masked(capture)
    body = capture.seen()[0]["body"]
    assert body["input"] == ["My name is [PERSON], write to [EMAIL_ADDRESS].", "Plain."]
    record = record_of(deployment, answer.headers["x-request-id"])
    assert record["surface"] == "embeddings"
    assert record["cost"] == "0.00000075"  # five tokens at the price of input


def test_the_sdk_decodes_base64_by_itself(client: OpenAI, capture: Capture) -> None:
    answer = client.embeddings.create(model="sov-flash", input="Plain.")
    assert answer.data[0].embedding == VECTOR
    assert capture.seen()[0]["body"]["encoding_format"] == "base64"


def test_moderations_are_answered_here(
    client: OpenAI, deployment: Deployment, capture: Capture
) -> None:
    answer = client.moderations.with_raw_response.create(
        input=["What a lovely day.", "I will kill you, you worthless piece of shit."]
    )
    calm, threat = answer.parse().results
    assert not calm.flagged
    assert threat.flagged
    flagged = [name for name, value in threat.categories.model_dump().items() if value]
    assert flagged
    assert threat.category_scores.model_dump()[flagged[0]] > 0.2
    assert threat.category_applied_input_types.hate == ["text"]
    assert capture.seen() == []
    record = record_of(deployment, answer.headers["x-request-id"])
    assert (record["surface"], record["outcome"]) == ("moderations", "completed")
    assert record["upstream"] is None


def test_a_moderation_of_parts_is_one_result(client: OpenAI, capture: Capture) -> None:
    answer = client.moderations.create(
        model="omni-moderation-latest",
        input=[{"type": "text", "text": "Hello"}, {"type": "text", "text": "there"}],
    )
    assert len(answer.results) == 1


def test_long_texts_are_moderated_beside(raw: httpx.Client, capture: Capture) -> None:
    answer = raw.post("/moderations", json={"input": "A quiet afternoon by the sea. " * 4000})
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 1


def test_models(client: OpenAI, raw: httpx.Client) -> None:
    models = {model.id: model for model in client.models.list()}
    assert {"auto", "flash", "think-max", "any-model", "sov-pro"} <= set(models)
    assert "foreign-model" not in models
    for name, model in models.items():
        assert client.models.retrieve(name) == model
    flash = raw.get("/models/flash").json()
    assert (flash["kind"], flash["tier"]) == ("tier", "flash")
    assert flash["description"]
    with pytest.raises(NotFoundError) as error:
        client.models.retrieve("foreign-model")
    assert error.value.code == "model_not_found"
    with pytest.raises(NotFoundError):
        client.models.retrieve("org/none")


def test_errors_have_openais_shape(client: OpenAI, capture: Capture) -> None:
    with pytest.raises(BadRequestError) as error:
        client.embeddings.create(model="auto", input="x")
    assert error.value.code == "tier_not_supported"
    assert error.value.param == "model"
