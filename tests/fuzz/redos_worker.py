"""Every pattern and every reader of the request path on texts made to hold it up.

    python tests/fuzz/redos_worker.py CHARACTERS [TEXTS]

A process of its own, since a pattern that does not end cannot be stopped from within. Prints
each case before it is tried, and is killed by the kernel when one takes ``CPU_S`` of CPU time.
What is linear takes milliseconds; what is quadratic takes minutes at 100,000 characters.
"""

import importlib
import pkgutil
import re
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import regex

CPU_S = 30
ROOT = Path(__file__).resolve().parents[2]
_ELSEWHERE = ("training", "__main__", "evaluation", ".cli")
# Repeated, they are what patterns of names, numbers, addresses, keys and markup begin with.
TEXTS = (
    "a", "A", "1", " ", "-", ".", "/", ":", "@", "\n", "(", "[", "{", "<", '"', "\\", "+", "中",
    "\u0301", "\u200b", "Aa ", "a1", "1-", "1 ", "1.", "a.", "a@", "@a.", "A. ", "Aa-", "1:",
    "::", "a_", "/a", "http://a", "a=", "{a", "<a ", "[A_1]", "[A_", "eyJa.", "1/1/", "%20",
    "\\u0040", "&#1", "=?", "A1 ", "-----BEGIN ", "sk-", "password: ", "a\n", "ignore all ",
)  # fmt: skip
TAILS = ("", "\x00!")


def recorded() -> dict[Any, tuple[Any, str]]:
    """From now on each pattern that our own files compile, with the place that did."""
    found: dict[Any, tuple[Any, str]] = {}

    def recording(compile: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            pattern = compile(*arguments, **options)
            frame = sys._getframe(1)
            file = Path(frame.f_code.co_filename)
            if file.is_relative_to(ROOT) and ".venv" not in file.parts:
                place = f"{file.relative_to(ROOT)}:{frame.f_lineno}"
                found.setdefault((type(pattern), pattern.pattern, pattern.flags), (pattern, place))
            return pattern

        return wrapper

    re.compile, regex.compile = recording(re.compile), recording(regex.compile)
    return found


def load_everything() -> Any:
    """All modules of the request path; the detectors."""
    import gateway
    import guardrails

    for package in (gateway, guardrails):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(part in module.name for part in _ELSEWHERE):
                importlib.import_module(module.name)
    from guardrails.detectors import Detectors

    return Detectors.load("sovgate")


def readers(detectors: Any) -> dict[str, Callable[[str], Any]]:
    """What looks at a client's or an upstream's text as a whole."""
    from gateway.content.walk import walk
    from guardrails.pii import MaskScope
    from guardrails.types import Role

    class Silent:
        def text(self, text: str, /) -> str:
            return text

        def glue(self, glue: str, /) -> None: ...

        def document(self) -> None: ...

    def walked(text: str) -> Any:
        tool = {"role": "tool", "content": text, "name": text}
        call = {"function": {"name": "f", "arguments": text}}
        return walk({"messages": [tool, {"role": "assistant", "tool_calls": [call]}]}, Silent())

    def restored(text: str) -> Any:
        restorer = MaskScope([text]).restorer()
        return [restorer.feed(text[at : at + 500]) for at in range(0, len(text), 500)]

    return {
        "personal data": detectors.pii.detect,
        "moderation": lambda text: detectors.moderation.score(text, Role.USER),
        "injection": lambda text: detectors.injection.score(text, Role.USER),
        "walk": walked,
        "restorer": restored,
    }


def _search(pattern: Any, text: Any) -> None:
    for _ in pattern.finditer(text):
        pass


def attempt(name: str, text: str, look: Callable[[str], Any]) -> None:
    print(f"{name}  {text[:12]!r} x {len(text)}", flush=True)
    signal.setitimer(signal.ITIMER_PROF, CPU_S)  # SIGPROF, which nobody handles, kills
    look(text)
    signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    size, texts = int(sys.argv[1]), TEXTS[:: int(sys.argv[2])]
    patterns = recorded()
    detectors = load_everything()
    detectors.pii.detect("Greta Vogel, greta@example.com, +49 170 1234567, 2026-01-01")
    for pattern, place in patterns.values():
        search = partial(_search, pattern)
        for text in texts:
            for tail in TAILS:
                long = (text * (size // len(text)))[:size] + tail
                long = long.encode() if isinstance(pattern.pattern, bytes) else long
                attempt(place, long, search)
    for name, look in readers(detectors).items():
        for text in texts:
            # Longer ones are refused: they are cut here as they are there.
            attempt(name, (text * (20_000 // len(text)))[:20_000], look)
    print(f"done: {len(patterns)} patterns", flush=True)


if __name__ == "__main__":
    main()
