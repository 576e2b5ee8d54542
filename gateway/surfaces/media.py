"""What the surfaces of sound and pictures have in common.

Their texts pass the guards as every text does. No guard hears or sees, so files that come and
media that go out are let through or not by ``pii.media``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.errors import ContentBlocked, InvalidRequest
from gateway.exchange import Exchange
from gateway.http.errors import HttpError
from gateway.pipeline.answer_judge import Judge
from gateway.pipeline.answer_text import OutputGuard
from gateway.settings import LimitSettings
from gateway.surfaces.base import Surface
from gateway.surfaces.checks import check_model
from gateway.surfaces.forms import flag, parse_form

# Of a file per token, for the money set aside and the limits of tokens: more than the models'.
_BYTES_PER_TOKEN = 64


class MediaSurface(Surface):
    takes_tiers = False
    stream_usage = False

    def keep_usage(self, exchange: Exchange, usage: Any) -> None:
        keep_usage(exchange, usage)


class FormSurface(MediaSurface):
    """One whose requests are forms.

    Args of the class:
        kinds: which media a part is, by its name.
    """

    kinds: Mapping[str, str] = {}

    def body_limit(self, max_body_bytes: int, limits: LimitSettings) -> int:
        return max(max_body_bytes, limits.max_upload_bytes)

    def receive(self, exchange: Exchange, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        fields, files = parse_form(exchange.connection, raw, dict(self.kinds))
        check_model(fields)
        if not files:
            name = next(iter(self.kinds))
            raise InvalidRequest(f"The form has no part `{name}` with a file.", param=name)
        exchange.files = files
        loose = sum(len(file.content) for file in files)
        exchange.body_bytes = len(raw) - loose + loose // _BYTES_PER_TOKEN
        if "stream" in fields:
            fields["stream"] = flag(fields, "stream")
        return fields

    def read(self, raw: bytes, limits: LimitSettings) -> dict[str, Any]:
        raise NotImplementedError("a form is received with its boundary")


class SilentEncoder:
    """For bytes: nothing can be said within them."""

    def events(self, events: list[bytes]) -> bytes:
        return b"".join(events)

    def end(self) -> bytes:
        return b""

    def error(self, error: HttpError) -> bytes:
        return b""


def number_of(body: dict[str, Any], name: str) -> int:
    """A count that a form has as text; 1 where there is none.

    Raises:
        InvalidRequest: it is none.
    """
    value = body.get(name)
    if value is None:
        return 1
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or not 0 < len(text) < 4:
        raise InvalidRequest(f"`{name}` must be a whole number from 1 to 999.", param=name)
    return max(1, int(text))


def inspected(exchange: Exchange, text: str, judge: Judge | None, guard: OutputGuard) -> str:
    """A text of an answer that has no finish reason: what is withheld is an error.

    Raises:
        ContentBlocked
    """
    exchange.output_chars += len(text)
    exchange.output_texts.append(text)
    if judge is not None and text:
        judge(text)
    shown = guard.whole(text)
    if guard.blocked:
        raise ContentBlocked("The answer holds personal data and was withheld.")
    return shown


def keep_usage(exchange: Exchange, usage: Any) -> None:
    """Counts of tokens, or seconds of sound: these have the price of a worker's second."""
    if not isinstance(usage, dict):
        return
    if usage.get("type") == "duration" or "seconds" in usage:
        exchange.upstream_usage(
            {"prompt_tokens": 0, "completion_tokens": 0, "worker_seconds": usage.get("seconds", 0)}
        )
    elif "input_tokens" in usage:
        given = {
            "prompt_tokens": usage["input_tokens"],
            "completion_tokens": usage.get("output_tokens", 0),
        }
        exchange.upstream_usage(given)
    else:
        exchange.upstream_usage(usage)


def listed(answer: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """The objects of a list."""
    items = answer.get(name)
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item
