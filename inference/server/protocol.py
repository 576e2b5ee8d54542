"""What clients send: the OpenAI request bodies, decoded and checked.

Fields that this engine cannot honour and that would change the answer are
refused; other unknown fields are ignored, as OpenAI-compatible servers do.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from inference.encoding.formats import Chat
from inference.errors import RequestInvalid
from inference.sampling_params import MAX_LOGPROBS, SamplingDefaults, SamplingParams

T = TypeVar("T")
MAX_CHOICES = 16  # of a prompt
MAX_ANSWERS = 64  # of a request


class StreamOptions(msgspec.Struct):
    include_usage: bool = False
    continuous_usage_stats: bool = False


class SamplingFields(msgspec.Struct, kw_only=True):
    """What chat and text completions have in common."""

    model: str
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    loop_guard: int | None = None
    ignore_eos: bool = False
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    top_k: int | None = None
    min_p: float | None = None
    min_tokens: int | None = None
    logit_bias: dict[int, float] | None = None
    logprobs: bool | int | None = None
    top_logprobs: int | None = None
    response_format: dict[str, Any] | None = None
    num_experts_per_tok: int | None = None
    expert_mass: float | None = None  # of those, as many as hold this share of the router's weight
    priority: int = 0  # the lower goes first, as vLLM has it
    cache_salt: str | None = None  # only requests of one salt share what is cached (vLLM's name)

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def wants_continuous_usage(self) -> bool:
        """Counts so far in every chunk, as vLLM gives them."""
        return self.wants_usage and bool(
            self.stream_options and self.stream_options.continuous_usage_stats
        )


class Message(msgspec.Struct, kw_only=True, omit_defaults=True):
    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None  # vLLM's name of it
    prefix: bool = False  # the answer goes on from here (DeepSeek's API)

    def for_format(self, gap: str) -> dict[str, Any]:
        """As chat formats expect it: content is one text, its parts joined with ``gap``."""
        given = {name: getattr(self, name) for name in ("name", "tool_calls", "tool_call_id")}
        given["reasoning_content"] = (
            self.reasoning if self.reasoning_content is None else self.reasoning_content
        )
        given["prefix"] = self.prefix or None
        fields = {name: value for name, value in given.items() if value is not None}
        return {"role": self.role, "content": self._text(gap), **fields}

    def _text(self, gap: str) -> str:
        if not isinstance(self.content, list):
            return self.content or ""
        parts = [part.get("text") for part in self.content if part.get("type") == "text"]
        if len(parts) != len(self.content) or not all(isinstance(p, str) for p in parts):
            raise RequestInvalid("This model reads text parts only.", param="messages")
        return gap.join(str(part) for part in parts)


class ChatRequest(SamplingFields, kw_only=True):
    messages: list[Message]
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None

    def chat(self, gap: str, schema: dict[str, Any] | None = None) -> Chat:
        """Raises RequestInvalid."""
        if not self.messages:
            raise RequestInvalid("messages is empty; send at least one.", param="messages")
        return Chat(
            [message.for_format(gap) for message in self.messages],
            self.tools or (),
            self.tool_choice,
            self.thinking,
            self.reasoning_effort,
            self.chat_template_kwargs,
            schema,
        )

    @property
    def shown_schema(self) -> dict[str, Any] | None:
        """The schema that the prompt shows to models that know where."""
        form = self.response_format or {}
        schema = form.get("json_schema") if form.get("type") == "json_schema" else None
        found = schema.get("schema") if isinstance(schema, dict) else None
        return found if isinstance(found, dict) else None


class CompletionRequest(SamplingFields, kw_only=True):
    """``prompt``: one text or its token ids, or several of them."""

    prompt: str | list[int | str | list[int]]
    echo: bool | None = None
    suffix: str | None = None
    best_of: int | None = None

    def prompts(self, encode: Callable[[str], list[int]]) -> list[list[int]]:
        """Token ids of each prompt. Raises RequestInvalid."""
        given = self.prompt
        if isinstance(given, list) and all(isinstance(item, int) for item in given):
            return [[item for item in given if isinstance(item, int)]]
        texts = [given] if isinstance(given, str) else given
        if len(texts) * (self.n or 1) > MAX_ANSWERS:
            raise RequestInvalid(
                f"Prompts times n may be at most {MAX_ANSWERS}; send several requests.",
                param="prompt",
            )
        found: list[list[int]] = []
        for text in texts:
            if isinstance(text, int):
                raise RequestInvalid(
                    "prompt is a text, token ids, or a list of texts or of lists of token ids.",
                    param="prompt",
                )
            found.append(encode(text) if isinstance(text, str) else text)
        return found


class TokenizeRequest(ChatRequest, kw_only=True):
    """Of a text, ``prompt``, or of a chat."""

    model: str = ""
    messages: list[Message] = []
    prompt: str | None = None


class DetokenizeRequest(msgspec.Struct, kw_only=True):
    tokens: list[int]
    model: str | None = None


def decode(body: bytes, kind: type[T]) -> T:
    """``body`` as a request of ``kind``; raises RequestInvalid naming the field."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        text = str(error)
        field = text.rpartition("`$.")[2].rstrip("`").split("[")[0] if "`$." in text else None
        raise RequestInvalid(f"The request body is not valid: {text}.", param=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestInvalid("The request body is not readable as JSON.") from None


def sampling_params(
    request: SamplingFields, defaults: SamplingDefaults, room: int
) -> SamplingParams:
    """Checked parameters; ``room`` is how many tokens the context still holds."""
    _refuse_unsupported(request)
    asked = request.max_completion_tokens or request.max_tokens
    if asked is None:
        asked = max(1, min(defaults.max_tokens, room))
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    return SamplingParams(
        max_tokens=asked,
        temperature=_or(request.temperature, defaults.temperature),
        top_p=_or(request.top_p, defaults.top_p),
        seed=request.seed,
        stop=tuple(stop),
        frequency_penalty=_or(request.frequency_penalty, 0.0),
        presence_penalty=_or(request.presence_penalty, 0.0),
        repetition_penalty=_or(request.repetition_penalty, defaults.repetition_penalty),
        loop_guard=defaults.loop_guard if request.loop_guard is None else request.loop_guard,
        ignore_eos=request.ignore_eos,
        top_k=max(0, int(_or(request.top_k, defaults.top_k))),  # -1 means all, too
        min_p=_or(request.min_p, defaults.min_p),
        min_tokens=request.min_tokens or 0,
        logit_bias=tuple((request.logit_bias or {}).items()),
        logprobs=_logprobs(request),
    )


def _refuse_unsupported(request: SamplingFields) -> None:
    if not 1 <= (1 if request.n is None else request.n) <= MAX_CHOICES:
        raise RequestInvalid(f"n must lie between 1 and {MAX_CHOICES}.", param="n")
    if isinstance(request, CompletionRequest):
        _refuse_unsupported_completion(request)
    formed = (request.response_format or {}).get("type", "text") != "text"
    choice = request.tool_choice if isinstance(request, ChatRequest) else None
    forced = choice not in (None, "auto", "none")
    if (formed or forced) and request.ignore_eos:
        raise RequestInvalid(
            "An answer with response_format, or with a call that must be, ends with its form; "
            "leave ignore_eos out.",
            param="ignore_eos",
        )
    if formed and forced:
        raise RequestInvalid(
            "An answer that has to call a tool has no response_format; leave one of them out.",
            param="tool_choice",
        )


def _refuse_unsupported_completion(request: CompletionRequest) -> None:
    if request.suffix:
        raise RequestInvalid("suffix is not offered by this worker.", param="suffix")
    if (request.best_of or 1) > (request.n or 1):
        raise RequestInvalid(
            "best_of beyond n is not offered by this worker; ask for n.", param="best_of"
        )
    if request.echo and request.logprobs is not None:
        raise RequestInvalid(
            "echo is not offered with logprobs: prompts have none here.", param="echo"
        )


def _logprobs(request: SamplingFields) -> int | None:
    """How many alternatives are told; chat says so in two fields, text completions in one."""
    if isinstance(request, ChatRequest):
        if request.top_logprobs is not None and request.logprobs is not True:
            raise RequestInvalid("top_logprobs needs logprobs: true.", param="top_logprobs")
        if not 0 <= (request.top_logprobs or 0) <= MAX_LOGPROBS:
            raise RequestInvalid(
                f"top_logprobs must lie between 0 and {MAX_LOGPROBS}.", param="top_logprobs"
            )
        return (request.top_logprobs or 0) if request.logprobs else None
    if isinstance(request.logprobs, bool):
        if request.logprobs:
            raise RequestInvalid("logprobs is a number here.", param="logprobs")
        return None
    return request.logprobs


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
