"""Every reader of the request path on texts made to hold its patterns up.

    python tests/fuzz/redos_worker.py CHARACTERS STEP

A process of its own, since a pattern that does not end cannot be stopped from within. Prints
each case before it is tried; the kernel kills the process when one takes ``CPU_S`` of CPU time.
"""

import re
import signal
import sys
from collections.abc import Callable
from typing import Any

CPU_S = 30
# Repeated, they are what patterns of names, numbers, addresses, keys and markup begin with.
TEXTS = (
    "a", "A", "1", " ", "-", ".", "/", ":", "@", "\n", "(", "[", "{", "<", '"', "\\", "+", "中",
    "\u0301", "\u200b", "Aa ", "a1", "1-", "1 ", "1.", "a.", "a@", "@a.", "A. ", "Aa-", "1:",
    "::", "a_", "/a", "http://a", "a=", "{a", "<a ", "[A_1]", "[A_", "eyJa.", "1/1/", "%20",
    "\\u0040", "&#1", "=?", "A1 ", "-----BEGIN ", "sk-", "password: ", "a\n", "ignore all ",
)  # fmt: skip


class Silent:
    """A visitor that changes nothing."""

    def text(self, text: str, /) -> str:
        return text

    def glue(self, glue: str, /) -> None: ...

    def document(self) -> None: ...


def readers() -> dict[str, Callable[[str], Any]]:
    """What looks at a client's or an upstream's text, as a whole or as it comes."""
    from gateway.content.walk import walk
    from gateway.pipeline.answer_judge import Judged
    from guardrails.detectors import Detectors
    from guardrails.pii import MaskScope
    from guardrails.types import Role, Span

    detectors = Detectors.load("sovgate")

    def walked(text: str) -> Any:
        tool = {"role": "tool", "content": text, "name": text}
        call = {"function": {"name": "f", "arguments": text}}
        return walk({"messages": [tool, {"role": "assistant", "tool_calls": [call]}]}, Silent())

    def masked(text: str) -> Any:
        scope = MaskScope([text])
        scope.mask_all([text], [[Span(0, 3, "PERSON", 0.9, "redos@1")]])
        restorer = scope.restorer()
        return [restorer.feed(text[at : at + 500]) for at in range(0, len(text), 500)]

    def judged(text: str) -> None:
        said = Judged(lambda _: None)
        for at in range(0, len(text), 500):
            said.add(text[at : at + 500], final=False)

    return {
        "personal data": detectors.pii.detect,
        "moderation": lambda text: detectors.moderation.score(text, Role.USER),
        "injection": lambda text: detectors.injection.score(text, Role.USER),
        "walk": walked,
        "mask and restore": masked,
        "judge": judged,
    }


def attempt(name: str, text: str, look: Callable[[str], Any]) -> None:
    print(f"{name}  {re.escape(text[:12])} x {len(text)}", flush=True)
    signal.setitimer(signal.ITIMER_PROF, CPU_S)  # SIGPROF, which nobody handles, kills
    look(text)
    signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    size, texts = int(sys.argv[1]), TEXTS[:: int(sys.argv[2])]
    tried = 0
    for name, look in readers().items():
        for text in texts:
            attempt(name, (text * size)[:size], look)
            tried += 1
    print(f"done: {tried} cases", flush=True)


if __name__ == "__main__":
    main()
