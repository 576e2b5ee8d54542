"""How each backend is told to think and how hard, and what it does not take: one table.

A request arrives in OpenAI's words, in those of DeepSeek, vLLM, Ollama or OpenRouter; it leaves
in those of its backend, with every other backend's words taken out, since a strict one refuses
them. ``DIALECTS`` holds the facts, each with its source; ``Dialect.request`` applies them.

Effort has the words none, minimal, low, medium, high, xhigh, max and ultra. What a word does
is the model's matter: the three generations of DeepSeek-V4 checkpoints put different texts in
front of the prompt for the same one (``GENERATIONS``), and changing it empties the prefix cache.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from gateway.settings import UpstreamSettings
from gateway.upstreams.asked import WORDS_OF_THINKING
from gateway.upstreams.base import Reply, UpstreamRequest
from gateway.upstreams.history import MessageRules, fit_messages, unmarked_tools
from gateway.upstreams.repair import Repairs

Body = dict[str, Any]
Efforts = Mapping[str, str]
Teller = Callable[["Dialect", Body, bool, str | None], None]


def _names(text: str) -> Efforts:
    """``"low=low max=high"`` as a mapping."""
    return dict(pair.split("=") for pair in text.split())


_OPENAI = _names(
    "minimal=minimal low=low medium=medium high=high xhigh=xhigh max=xhigh ultra=xhigh"
)
_AS_SAID = _names("minimal=low low=low medium=medium high=high xhigh=high max=max ultra=max")
# What the DeepSeek API maps to (api-docs.deepseek.com/guides/thinking_mode).
_DEEPSEEK = _names("minimal=low low=low medium=high high=high xhigh=high max=max ultra=max")
_OLLAMA = _names("minimal=low low=low medium=medium high=high xhigh=high max=high ultra=high")
_LITELLM = _names("minimal=minimal low=low medium=medium high=high xhigh=xhigh max=max ultra=max")
_GEMINI = _names("minimal=minimal low=low medium=medium high=high xhigh=high max=high ultra=high")

# Efforts of DeepSeek-V4 checkpoints behind vLLM, SGLang, llama.cpp or MindIE. The engines' own
# defaults differ (vLLM's tokenizer high, its encoder low), so an effort is always named.
#   v4-preview (April): `low` does not exist; high = no text, max = "Absolute maximum ...".
#   v4 (0731, 0813): low = no text, high = "Absolute maximum ...", max = "Beyond maximum ...".
#   v4.1: 50, 75 and 100 "(range 1-100)".
GENERATIONS: Mapping[str, Efforts] = {
    "v4-preview": {**_DEEPSEEK, "minimal": "high", "low": "high"},
    "v4": _DEEPSEEK,
    "v4.1": _DEEPSEEK,
}


_PLAIN = MessageRules()


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One backend's facts.

    Args:
        tell: says thinking (on or off) and effort in a body.
        efforts: its word for each of ours.
        default_effort: said where thinking is on and no effort was asked for.
        renames: top-level fields under another name.
        drops: top-level fields that it does not know.
        thinking_drops: those that it refuses or ignores while it thinks.
        messages: how earlier turns must look.
        answers: whether its answers may name the reasoning otherwise than ``reasoning_content``.
        repair: what is repaired in its answers unless the settings say otherwise.
        salted: whether it keeps prompts apart by ``cache_salt``.
    """

    name: str
    tell: Teller | None
    efforts: Efforts
    default_effort: str | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    drops: frozenset[str] = frozenset()
    thinking_drops: frozenset[str] = frozenset()
    messages: MessageRules = _PLAIN
    answers: bool = True
    repair: tuple[str, ...] = ()
    salted: bool = False

    @cached_property
    def _unwanted(self) -> frozenset[str]:
        return WORDS_OF_THINKING | self.drops

    def request(self, body: Body, *, thinking: bool | None, effort: str | None) -> Body:
        """A copy of ``body`` in the backend's words; messages are shared unless they change.

        Args:
            thinking: ``None`` says nothing, so that the backend's default holds.
            effort: one of ours; it counts where thinking is on, or said to be off by a word.
        """
        if self.tell is None:
            return dict(body)
        out = dict(body)
        for key in self._unwanted.intersection(out):
            del out[key]
        for name, theirs in self.renames.items():
            if name in out:
                value = out.pop(name)
                # The newer name counts where a request has both.
                if theirs not in out or name == "max_completion_tokens":
                    out[theirs] = value
        kwargs = _own_kwargs(body)
        if kwargs:
            out["chat_template_kwargs"] = kwargs
        if "messages" in out:
            out["messages"] = fit_messages(out, self.messages, thinking=thinking)
        if "tools" in out and not self.messages.cache_control:
            out["tools"] = unmarked_tools(out["tools"])
        if thinking is not None:
            if thinking:
                for key in self.thinking_drops:
                    out.pop(key, None)
            self.tell(self, out, thinking, effort)
            budget = _budget(body)
            if thinking and budget is not None and self.name == "anthropic":
                out["thinking"] = {"type": "enabled", "budget_tokens": budget}
                out.pop("reasoning_effort", None)
        return out

    def word(self, effort: str | None) -> str | None:
        return self.efforts.get(effort or "") or self.default_effort


def _own_kwargs(body: Body) -> Body:
    """Arguments of the chat template that do not speak of thinking, such as ``documents``."""
    given = body.get("chat_template_kwargs")
    if not isinstance(given, dict):
        return {}
    return {key: value for key, value in given.items() if key not in WORDS_OF_THINKING}


def _budget(body: Body) -> int | None:
    thinking = body.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    return budget if type(budget) is int and budget > 0 else None


def _by_effort(dialect: Dialect, body: Body, thinking: bool, effort: str | None) -> None:
    """``reasoning_effort`` alone. Off is said only if a client said it in a word: a model that
    does not reason refuses the field, and a tier says "off" for those too."""
    if thinking:
        body["reasoning_effort"] = dialect.word(effort) or "high"
    elif effort in {"none", "minimal"}:
        body["reasoning_effort"] = effort


def _by_effort_or_none(dialect: Dialect, body: Body, thinking: bool, effort: str | None) -> None:
    """``reasoning_effort``, where ``none`` turns thinking off."""
    body["reasoning_effort"] = (dialect.word(effort) or "high") if thinking else "none"


def _by_deepseek(dialect: Dialect, body: Body, thinking: bool, effort: str | None) -> None:
    body["thinking"] = {"type": "enabled" if thinking else "disabled"}
    word = dialect.word(effort)
    if thinking and word:
        body["reasoning_effort"] = word


def _by_template(dialect: Dialect, body: Body, thinking: bool, effort: str | None) -> None:
    """Templates name it ``thinking`` (DeepSeek) or ``enable_thinking`` (Qwen, GLM); each ignores
    the other's name."""
    kwargs = {**body.get("chat_template_kwargs", {})}
    kwargs |= {"thinking": thinking, "enable_thinking": thinking}
    word = dialect.word(effort)
    if thinking and word:
        kwargs["reasoning_effort"] = word
    body["chat_template_kwargs"] = kwargs


_SAMPLING = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
_MAX_TOKENS = {"max_completion_tokens": "max_tokens"}
_FOREIGN = frozenset({"chat_template_kwargs"})
_TEMPLATE_ENGINE = MessageRules(reasoning="reasoning_content", developer=False)

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        # Passed on untouched, answers too.
        Dialect(name="none", tell=None, efforts={}, answers=False),
        # OpenAI and Azure: models that reason refuse `max_tokens` and sampling parameters;
        # unknown fields are refused, so no reasoning goes back (platform.openai.com/docs).
        Dialect(
            name="openai",
            tell=_by_effort,
            efforts=_OPENAI,
            renames={"max_tokens": "max_completion_tokens"},
            drops=_FOREIGN,
            thinking_drops=_SAMPLING,
            messages=MessageRules(reasoning=None, developer=True),
            answers=False,
        ),
        # An OpenAI-compatible server of which nothing is known.
        Dialect(
            name="compatible",
            tell=_by_effort,
            efforts=_OPENAI,
            messages=MessageRules(reasoning="as-is", developer=False),
        ),
        # The DeepSeek API: thinking is on by default, with effort high; sampling parameters are
        # ignored while it thinks, so they may stay. With tools every turn's reasoning must come
        # back, else 400; without, it is ignored.
        Dialect(
            name="deepseek",
            tell=_by_deepseek,
            efforts=_DEEPSEEK,
            renames=_MAX_TOKENS,
            drops=_FOREIGN | {"parallel_tool_calls"},
            messages=MessageRules(
                reasoning="reasoning_content",
                history="with-tools",
                developer=False,
                flat_text=True,
            ),
            answers=False,
            repair=("dsml",),
        ),
        # vLLM 0.33: answers and takes `reasoning` (`reasoning_content` until 2025).
        Dialect(
            name="vllm",
            tell=_by_template,
            efforts=_AS_SAID,
            messages=MessageRules(reasoning="reasoning", developer=False),
            repair=("dsml",),
            salted=True,
        ),
        # SGLang 0.5: `separate_reasoning` and `stream_reasoning` are on by default; names
        # `reasoning_content` (sglang/srt/entrypoints/openai/protocol.py).
        Dialect(
            name="sglang",
            tell=_by_template,
            efforts=_AS_SAID,
            messages=_TEMPLATE_ENGINE,
            repair=("dsml",),
        ),
        # llama-server: `reasoning_format` splits by default and names `reasoning_content`.
        Dialect(
            name="llamacpp",
            tell=_by_template,
            efforts=_AS_SAID,
            renames=_MAX_TOKENS,
            messages=_TEMPLATE_ENGINE,
        ),
        # Ollama's /v1 reads `reasoning_effort` and drops `think` unseen (ollama#14820); answers
        # and takes `reasoning`.
        Dialect(
            name="ollama",
            tell=_by_effort_or_none,
            efforts=_OLLAMA,
            renames=_MAX_TOKENS,
            drops=_FOREIGN,
            messages=MessageRules(reasoning="reasoning", developer=False),
        ),
        # MindIE on Ascend: templates as with vLLM. Not run here.
        Dialect(
            name="mindie",
            tell=_by_template,
            efforts=_AS_SAID,
            renames=_MAX_TOKENS,
            drops=frozenset({"parallel_tool_calls"}),
            messages=MessageRules(reasoning="reasoning_content", developer=False, flat_text=True),
            repair=("dsml", "think"),
        ),
        # Through litellm: it turns `reasoning_effort` into adaptive thinking with
        # `output_config.effort`, or into a budget of tokens, as the model demands.
        Dialect(
            name="anthropic",
            tell=_by_effort_or_none,
            efforts=_LITELLM,
            renames=_MAX_TOKENS,
            drops=_FOREIGN,
            thinking_drops=_SAMPLING | {"top_k"},
            messages=MessageRules(reasoning="as-is", developer=False, cache_control=True),
        ),
        # Through litellm: `reasoning_effort` becomes thinkingBudget or thinkingLevel.
        Dialect(
            name="gemini",
            tell=_by_effort_or_none,
            efforts=_GEMINI,
            renames=_MAX_TOKENS,
            drops=_FOREIGN,
            messages=MessageRules(reasoning="as-is", developer=False, cache_control=True),
        ),
    )
}

_HOSTS = {"api.openai.com": "openai", "api.deepseek.com": "deepseek"}
_PROVIDERS = {
    "anthropic": "anthropic",
    "bedrock": "anthropic",
    "vertex_ai": "gemini",
    "gemini": "gemini",
    "azure": "openai",
    "deepseek": "deepseek",
}


def default_dialect(settings: UpstreamSettings) -> str:
    """The dialect of an upstream whose settings name none."""
    if settings.kind == "pool":
        return "vllm"
    if settings.kind == "litellm":
        return _PROVIDERS.get((settings.model_prefix or "").split("/")[0], "compatible")
    host = urlsplit(settings.base_url or "").hostname or ""
    return "openai" if host.endswith(".openai.azure.com") else _HOSTS.get(host, "compatible")


class Speech:
    """How the gateway speaks with one upstream; made once from its settings."""

    def __init__(self, settings: UpstreamSettings) -> None:
        self.dialect = _dialect(settings)
        repair = self.dialect.repair if settings.repair is None else settings.repair
        self._repairs = Repairs(names=self.dialect.answers, kinds=repair)

    def body(self, request: UpstreamRequest) -> Body:
        """The request's body in the upstream's words."""
        body = request.body
        if request.endpoint == "/chat/completions":
            body = self.dialect.request(body, thinking=request.thinking, effort=request.effort)
        elif request.endpoint != "/completions":
            return body
        # How fast an answer begins must not tell one tenant what another has asked, so a
        # client's own salt does not count.
        if self.dialect.salted and request.cache_salt:
            body = {**body, "cache_salt": request.cache_salt}
        return body

    def reply(self, reply: Reply, request: UpstreamRequest) -> Reply:
        """The answer to ``request``, put right."""
        return self._repairs.of(reply, request)


def _dialect(settings: UpstreamSettings) -> Dialect:
    dialect = DIALECTS[settings.dialect or default_dialect(settings)]
    if settings.generation is not None:
        efforts = GENERATIONS[settings.generation]
        dialect = replace(dialect, efforts=efforts, default_effort=efforts["high"])
    if settings.efforts:
        dialect = replace(dialect, efforts={**dialect.efforts, **settings.efforts})
    return dialect
