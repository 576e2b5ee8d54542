"""Only thinking that this gateway gave to this tenant goes back to a model."""

from typing import Any

import pytest

from gateway.surfaces.messages_thinking import ThinkingSeal

SEAL = ThinkingSeal(b"p" * 32)


def admitted(*blocks: dict[str, Any], tenant: str = "acme") -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "thinking_blocks": list(blocks)}
    SEAL.admit(tenant, message)
    return message


def thinking(text: str, foreign: str = "", tenant: str = "acme") -> dict[str, Any]:
    return {
        "type": "thinking", "thinking": text, "signature": SEAL.sign(tenant, text, foreign),
    }  # fmt: skip


def hidden(foreign: str) -> dict[str, Any]:
    return {"type": "redacted_thinking", "data": SEAL.sign("acme", "", foreign)}


def test_plain_reasoning_has_one_name() -> None:
    assert admitted(thinking("One. "), thinking("Two \udcff.")) == {
        "role": "assistant",
        "reasoning_content": "One. Two \udcff.",
    }


def test_an_upstreams_own_signature_goes_back_with_its_block() -> None:
    message = admitted(thinking("One", "a.b.c=="), hidden("d.e"))
    assert message["reasoning_content"] == "One"
    assert message["thinking_blocks"] == [
        {"type": "thinking", "signature": "a.b.c==", "thinking": "One"},
        {"type": "redacted_thinking", "data": "d.e"},
    ]


@pytest.mark.parametrize(
    "block",
    [
        {**thinking("One"), "thinking": "Two"},
        thinking("One", tenant="globex"),
        {"type": "thinking", "thinking": "One"},
        {"type": "thinking", "thinking": "One", "signature": 4},
        {"type": "thinking", "thinking": "One", "signature": "é"},
        {"type": "thinking", "thinking": "One", "signature": "sov1.abc."},
        {"type": "thinking", "thinking": "One", "signature": thinking("One")["signature"] + "x"},
        {"type": "redacted_thinking", "data": "Greta Vogel"},
        {"type": "redacted_thinking", "data": hidden("x")["data"] + "y"},
    ],
)
def test_what_is_not_ours_is_left_out(block: dict[str, Any]) -> None:
    assert admitted(block) == {"role": "assistant"}


def test_another_deployment_signs_otherwise() -> None:
    other = ThinkingSeal(b"q" * 32)
    assert other.open("acme", "One", SEAL.sign("acme", "One")) is None
