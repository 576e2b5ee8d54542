"""Conversations keep their tokens: over turns, cut histories, two gateways, an erasure."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from support.deployment import KEYS, Capture, Deployment, gateway, settings, sovgate

FIRST = "My name is Greta Vogel, write to greta.vogel@example.com about the meeting."
SECOND = "Please call John Miller at +49 170 1234567 as well."


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def ask(deployment: Deployment, *messages: Any, stream: bool = False, **options: Any) -> str:
    with OpenAI(base_url=deployment.base_url, api_key=KEYS["acme"], max_retries=0) as client:
        answer: Any = client.chat.completions.create(
            model="flash", messages=list(messages), stream=stream, **options
        )
        if not stream:
            return answer.choices[0].message.content or ""
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


def sent(capture: Capture) -> list[str]:
    """The messages of the latest request as the upstream saw them."""
    return [message["content"] for message in capture.seen()[-1]["body"]["messages"]]


@pytest.fixture(scope="module")
def surrogates(
    tmp_path_factory: pytest.TempPathFactory, _capture_process: Capture
) -> Iterator[Deployment]:
    """A gateway that answers with surrogates and refuses passwords."""
    kinds = ["PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "IBAN_CODE"]
    modes = {**dict.fromkeys(kinds, "surrogate"), "PASSWORD": "block"}
    directory = tmp_path_factory.mktemp("surrogates")
    content = settings(
        directory, _capture_process.url, policies={"default": {"pii": {"modes": modes}}}
    )
    with gateway(directory, content) as deployment:
        yield deployment


def test_turns_of_a_conversation(deployment: Deployment, capture: Capture) -> None:
    answer = ask(deployment, user(FIRST))
    first = sent(capture)
    history = [user(FIRST), {"role": "assistant", "content": answer}, user(SECOND)]
    ask(deployment, *history)
    second = sent(capture)
    assert second[0] == first[0]  # the upstream's prefix cache still holds
    ask(deployment, *history[2:], {"role": "assistant", "content": "ok"}, user("Greta?"))
    assert sent(capture)[0] == second[2]
    assert "1" not in second[2].replace("[PHONE_NUMBER_1]", "")


def test_surrogates_go_there_and_back(surrogates: Deployment, capture: Capture) -> None:
    for stream in (False, True):
        assert ask(surrogates, user(FIRST), stream=stream) == f"You said: {FIRST}"
    seen = json.dumps(capture.seen())
    for value in ("Greta", "Vogel", "greta.vogel"):
        assert value not in seen
    assert "[PERSON" not in seen
    assert "@example." in sent(capture)[0]


def test_surrogates_come_back_for_every_cut(surrogates: Deployment, capture: Capture) -> None:
    ask(surrogates, user(FIRST))
    for cut in range(1, len(sent(capture)[0]) + 10, 9):
        capture.script(cuts=[cut, cut + 1, cut + 4])
        assert ask(surrogates, user(FIRST), stream=True) == f"You said: {FIRST}"


def test_surrogates_in_tool_arguments(surrogates: Deployment, capture: Capture) -> None:
    capture.script(content="", tool_arguments='{"text": "{echo}"}')
    with OpenAI(base_url=surrogates.base_url, api_key=KEYS["acme"]) as client:
        answer: Any = client.chat.completions.create(
            model="flash", messages=[{"role": "user", "content": FIRST}]
        )
    call: Any = (answer.choices[0].message.tool_calls or [])[0]
    assert json.loads(call.function.arguments) == {"text": FIRST}


def test_a_blocked_kind_is_refused(surrogates: Deployment, capture: Capture) -> None:
    with pytest.raises(BadRequestError) as caught:
        ask(surrogates, user("the password is hunter2-Xy9 for the server"))
    assert caught.value.code == "personal_data_blocked"
    assert "PASSWORD" in caught.value.message
    assert "hunter2" not in caught.value.message
    assert capture.seen() == []


def test_erasing_and_what_is_left(surrogates: Deployment, capture: Capture) -> None:
    ask(surrogates, user(FIRST))
    figures = json.loads(sovgate(surrogates, "vault", "stats", "--json").output)
    assert figures[0]["tenant"] == "acme"
    assert figures[0]["entries"] >= 2
    erased = sovgate(
        surrogates, "vault", "erase", "--tenant", "acme", "--value", "Greta Vogel", "--json"
    )
    assert erased.status == 0, erased.errors
    row = json.loads(erased.output)
    assert row["found"]
    assert row["master_key_changed"]
    assert {alias["entity_type"] for alias in row["aliases"]} >= {"EMAIL_ADDRESS"}
    assert "greta" not in erased.output.lower()
    again = sovgate(surrogates, "vault", "erase", "--tenant", "acme", "--value", "Greta Vogel")
    assert again.output == "The vault does not have it.\n"
    assert ask(surrogates, user(FIRST)) == f"You said: {FIRST}"
    assert sovgate(surrogates, "vault", "erase", "--tenant", "acme", "--all").status == 0
    trail = sovgate(surrogates, "audit", "export", "--tenant", "acme", "--format", "jsonl").output
    actions = [json.loads(line).get("action") for line in trail.splitlines()]
    assert {"vault.erase", "vault.erase_tenant"} <= set(actions)
    assert "greta" not in trail.lower()


def test_no_value_in_the_data_directory_or_the_log(
    surrogates: Deployment, capture: Capture
) -> None:
    ask(surrogates, user(FIRST))
    content = surrogates.server.output().encode()
    for file in (surrogates.directory / "data").rglob("*"):
        content += file.read_bytes() if file.is_file() else b""
    for value in ("Greta", "Vogel", "greta.vogel"):
        assert value.encode() not in content


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_gateways_on_one_database(tmp_path: Path, capture: Capture, database_url: str) -> None:
    """The second turn is served by another process, the history is cut."""
    deployments: list[dict[str, Any]] = []
    for name in ("one", "two"):
        directory = tmp_path / name
        directory.mkdir()
        content = settings(directory, capture.url, database={"url": database_url})
        content["vault"] = {"master_key_file": str(tmp_path / "vault-key")}
        content["security"] = {"pepper_file": str(tmp_path / "pepper")}
        deployments.append(content)
    (tmp_path / "vault-key").write_text("5a" * 32)
    (tmp_path / "pepper").write_text("p" * 64)
    for secret in ("vault-key", "pepper"):
        (tmp_path / secret).chmod(0o600)
    with (
        gateway(tmp_path / "one", deployments[0]) as one,
        gateway(tmp_path / "two", deployments[1]) as two,
    ):
        ask(one, user(FIRST))
        ask(one, user(FIRST), {"role": "assistant", "content": "Hi"}, user(SECOND))
        second = sent(capture)
        ask(two, user(SECOND), {"role": "assistant", "content": "ok"}, user("Greta Vogel?"))
        assert sent(capture)[0] == second[2]
        assert sent(capture)[2] == "[PERSON_1]?"
