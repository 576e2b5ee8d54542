"""Seven things that a reference gateway with Presidio gets wrong, tried on ours by the openai SDK.

Each check says what a client and the upstream saw. They need the scripted upstream.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from conformance.results import Result
from conformance.upstream import Body, Said, ScriptedUpstream, echo, last_text

MODEL = "scripted"
NAME, MAIL = "Jane Doe", "jane.doe@example.com"
_CHUNKS, _PAUSE_S = 54, 0.024
_MANY = 40
_TOOLS = [
    {
        "type": "function",
        "function": {"name": "send", "parameters": {"type": "object", "properties": {}}},
    }
]
Check = Callable[[OpenAI, ScriptedUpstream], tuple[bool, str]]


def run(base_url: str, key: str, upstream: ScriptedUpstream) -> Iterator[Result]:
    with OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=60) as client:
        for name, check in _CHECKS.items():
            upstream.seen, upstream.script = [], echo
            passed, measured = check(client, upstream)
            yield Result("restoring", name, passed, measured)


def _ask(client: OpenAI, messages: list[ChatCompletionMessageParam]) -> str:
    answer = client.chat.completions.create(model=MODEL, messages=messages)
    return answer.choices[0].message.content or ""


def _restored(client: OpenAI, upstream: ScriptedUpstream) -> tuple[bool, str]:
    prompt = f"Hello {NAME}, shall I write to {MAIL}?"
    got = _ask(client, [{"role": "user", "content": prompt}])
    hidden = NAME not in upstream.sent() and MAIL not in upstream.sent()
    return got == prompt and hidden, "the prompt came back word for word, the upstream had tokens"


def _tool_reply(client: OpenAI, upstream: ScriptedUpstream) -> tuple[bool, str]:
    upstream.script = lambda body: Said([], [json.dumps({"to": last_text(body)})])
    prompt = f'Mail {MAIL} about "{NAME}".'
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": prompt}],
        tools=_TOOLS,  # type: ignore[arg-type]
    )
    calls = answer.choices[0].message.tool_calls or []
    arguments = [call.function.arguments for call in calls if call.type == "function"]
    right = [json.loads(text) for text in arguments] == [{"to": prompt}]
    return right and MAIL not in upstream.sent(), "arguments parse and hold the values"


def _tool_history(client: OpenAI, upstream: ScriptedUpstream) -> tuple[bool, str]:
    call = {"name": "send", "arguments": json.dumps({"to": MAIL, "name": NAME})}
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": f"Write to {NAME}."},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "type": "function", "function": call}],  # type: ignore[typeddict-item]
        },
        {"role": "tool", "tool_call_id": "c1", "content": f"sent to {MAIL}"},
        {"role": "user", "content": "Thanks."},
    ]
    _ask(client, messages)
    clear = [value for value in (NAME, MAIL) if value in upstream.sent()]
    return not clear, f"{len(clear)} values in clear upstream"


def _same_token(client: OpenAI, upstream: ScriptedUpstream) -> tuple[bool, str]:
    _ask(
        client,
        [
            {"role": "user", "content": "My colleague Bob Roe called."},
            {"role": "assistant", "content": "What did he want?"},
            {"role": "user", "content": "Ask Bob Roe."},
        ],
    )
    texts = [message["content"] for message in upstream.seen[0]["messages"]]
    first = texts[0].removeprefix("My colleague ").removesuffix(" called.")
    last = texts[2].removeprefix("Ask ").removesuffix(".")
    return first == last != "Bob Roe", f"{first} and {last}"


def _stays_a_stream(client: OpenAI, upstream: ScriptedUpstream) -> tuple[bool, str]:
    def script(body: Body) -> Said:
        token = last_text(body).rpartition(" ")[2]
        words = [f"word{'s' * (number % 3)} " for number in range(_CHUNKS - 1)]
        return Said([*words, token], pause_s=_PAUSE_S)

    upstream.script = script
    started = time.perf_counter()
    first, chunks, text = 0.0, 0, ""
    stream = client.chat.completions.create(
        model=MODEL,
        stream=True,
        messages=[{"role": "user", "content": f"The mailbox is {MAIL}"}],
    )
    for chunk in stream:
        piece = chunk.choices[0].delta.content if chunk.choices else None
        if piece:
            first = first or time.perf_counter() - started
            chunks, text = chunks + 1, text + piece
    total = time.perf_counter() - started
    right = chunks >= _CHUNKS * 0.8 and first < total / 4 and text.endswith(MAIL)
    return right, (
        f"{_CHUNKS} chunks upstream, {chunks} with text at the client; first after"
        f" {first:.2f} s of {total:.2f} s"
    )


def _many_messages(client: OpenAI, upstream: ScriptedUpstream) -> tuple[bool, str]:
    upstream.script = lambda body: Said([" ".join(m["content"] for m in body["messages"])])
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": f"Note {number}: client{number:02d}@example.org"}
        for number in range(_MANY)
    ]
    started = time.perf_counter()
    got = _ask(client, messages)
    taken = time.perf_counter() - started
    right = got == " ".join(str(message.get("content")) for message in messages)
    return right and "@example.org" not in upstream.sent() and taken < 2.0, f"{taken:.2f} s"


def _many_requests(client: OpenAI, upstream: ScriptedUpstream) -> tuple[bool, str]:
    prompts = [f"Write to person{number:02d}@example.org, please." for number in range(_MANY)]
    started = time.perf_counter()
    with ThreadPoolExecutor(_MANY) as pool:
        got = list(
            pool.map(lambda text: _ask(client, [{"role": "user", "content": text}]), prompts)
        )
    taken = time.perf_counter() - started
    hidden = "@example.org" not in upstream.sent()
    mixed = sum(a != b for a, b in zip(got, prompts, strict=True))
    return hidden and not mixed and taken < 5.0, f"{taken:.2f} s, {mixed} answers mixed up"


_CHECKS: dict[str, Check] = {
    "a reply is restored and not masked again": _restored,
    "tool arguments of a reply are restored": _tool_reply,
    "tool arguments of the history are masked": _tool_history,
    "one value has one token in two messages": _same_token,
    "a stream stays a stream": _stays_a_stream,
    f"{_MANY} messages in one request": _many_messages,
    f"{_MANY} requests at once": _many_requests,
}
