"""``chunk-invariance``: the same output for every way of cutting a text.

Every split of short texts in this process, through the code that the gateway runs for a field;
every cut in two of longer ones over HTTP, through the gateway itself.
"""

import importlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from openai import OpenAI

from conformance.results import Result
from conformance.upstream import Said, ScriptedUpstream
from gateway.pipeline.answer_fields import Kind
from gateway.pipeline.answer_text import FieldText, OutputGuard, joined
from gateway.settings import PiiPolicy, PolicySettings
from guardrails.pii import MaskScope, PiiEngine
from guardrails.types import Span

GROUP = "chunk-invariance 0.2.0"
VALUE = 'Jo "x"'
# Sixteen characters are the most that the tool cuts in every way: 32,768 of them.
SHORT = {
    "a token in text": ("Hi [PERSON_1], x", Kind.TEXT),
    "a token in JSON": ('{"n":"PERSON_1"}', Kind.JSON),
    "a mailbox made up": ("To a@bc.de now. ", Kind.TEXT),
    "a mailbox in JSON": (r'["a\u0040b.de"]', Kind.JSON),
}
LONG = (
    "Dear customer, call 212-555-0134 or write to nobody@example.com; thanks.",
    '{"to": "nobody@example.com", "card": "4111-1111-1111-1111", "note": "a \\"b\\" c"}',
)


class _Scripted:
    """What ``OutputGuard`` reads of an exchange."""

    def __init__(self) -> None:
        text = f"I am {VALUE}"
        self.scope = MaskScope([text])
        self.scope.mask_all([text], [[Span(5, len(text), "PERSON", 1.0, "conformance@1")]])
        self.policy = PolicySettings(pii=PiiPolicy(output="redact"))
        self.body: dict[str, Any] = {"messages": []}
        self.decisions: list[Any] = []


def in_process(tools: Path) -> Iterator[Result]:
    """Every split of the short texts."""
    check = _tool(tools)
    engine = PiiEngine.load(ner="none")
    for name, (text, kind) in SHORT.items():

        def field(kind: Kind = kind) -> FieldText:
            return OutputGuard(_Scripted(), engine).field(kind)  # type: ignore[arg-type]

        def stream(chunks: Iterable[str], field: Any = field) -> Iterator[str]:
            one = field()
            for chunk in chunks:
                yield joined(one.feed(chunk))
            yield joined(one.flush())

        def whole(text: str, field: Any = field) -> str:
            one = field()
            return joined([*one.feed(text), *one.flush()])

        changed = whole(text) != text
        yield _checked(check, name, stream, whole, text, "all", changed)


def over_http(tools: Path, base_url: str, key: str, upstream: ScriptedUpstream) -> Iterator[Result]:
    """Every cut in two of the longer texts, one request each."""
    check = _tool(tools)
    with OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=60) as client:
        for number, text in enumerate(LONG):

            def stream(chunks: Iterable[str]) -> Iterator[str]:
                said = Said(list(chunks))
                upstream.script = lambda _body: said
                answer = client.chat.completions.create(
                    model="scripted", stream=True, messages=[{"role": "user", "content": "Go."}]
                )
                for chunk in answer:
                    yield (chunk.choices[0].delta.content or "") if chunk.choices else ""

            def whole(text: str) -> str:
                upstream.script = lambda _body: Said([text])
                answer = client.chat.completions.create(
                    model="scripted", messages=[{"role": "user", "content": "Go."}]
                )
                return answer.choices[0].message.content or ""

            changed = whole(text) != text
            name = f"text {number + 1} over HTTP"
            yield _checked(check, name, stream, whole, text, "all-two-part", changed)


def _checked(
    check: Any, name: str, stream: Any, whole: Any, text: str, splits: str, changed: bool
) -> Result:
    try:
        tried = check.assert_chunk_invariant(stream, whole, text, splits=splits)
    except check.ChunkInvarianceError as error:
        return Result(GROUP, name, False, f"differs where cut into {error.chunks}")
    return Result(GROUP, name, changed, f'{tried} splits ("{splits}"), all the same')


def _tool(tools: Path) -> Any:
    """The tool's module, which needs nothing but the standard library, from its environment."""
    for packages in sorted((tools.parent / "lib").glob("python*/site-packages")):
        sys.path.append(str(packages))
    return importlib.import_module("chunk_invariance")
