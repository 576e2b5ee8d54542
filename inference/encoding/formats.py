"""A chat request as token ids, in the format that the checkpoint knows.

DeepSeek-V4 has a format of its own; the other models bring a template.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from inference.chat import ChatTemplate, GuardedPrompt
from inference.encoding import hermes
from inference.encoding.call_forms import CallForm, json_form
from inference.encoding.deepseek_v4 import Conversation, render
from inference.encoding.dsml_form import DsmlForm
from inference.encoding.forced_calls import ForcedCallParser
from inference.encoding.generations import AUGUST, GENERATIONS, Generation
from inference.encoding.modes import Mode, mode_of
from inference.encoding.output import AnswerParser, PlainParser
from inference.encoding.tokens import DSML, END_OF_THINKING, THINK
from inference.encoding.tools import Forced, forced_of, functions_of
from inference.errors import RequestInvalid
from inference.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Chat:
    """What a client asks. Messages are plain objects whose content is a text."""

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: Any = None
    thinking: Mapping[str, Any] | None = None
    effort: str | None = None
    template: Mapping[str, Any] | None = None  # what goes to the template as it is
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """Token ids, and how the answer is to be read.

    Args:
        keeps: control tokens whose text the parser has to see.
        end_of_thinking: the token after which the answer begins; None: it begins at once.
        calls: what the answer must be where it has to call a tool.
    """

    ids: list[int]
    parser: Callable[[], AnswerParser | ForcedCallParser | PlainParser] = PlainParser
    keeps: frozenset[int] = frozenset()
    end_of_thinking: int | None = None
    calls: CallForm | None = None


class ChatFormat(Protocol):
    gap: str  # what the parts of a message are joined with

    def prompt(self, chat: Chat) -> ChatPrompt:
        """Raises RequestInvalid."""
        ...


class TemplateFormat:
    """The checkpoint's own chat template.

    Calls are read where the template writes them as Hermes does, or has no place for tools and is
    told of them in that way; of other templates an answer with calls is a text.
    """

    gap = ""

    def __init__(self, template: ChatTemplate, tokenizer: Tokenizer) -> None:
        self._template = template
        self._tokenizer = tokenizer
        self._end = tokenizer.id_of(END_OF_THINKING)
        tags = (THINK, END_OF_THINKING, hermes.OPEN, hermes.CLOSE)
        known = (tokenizer.id_of(tag) for tag in tags)
        self._keeps = frozenset(token for token in known if token is not None)
        self._takes_tools = "tools" in template.variables
        self._writes_hermes = not self._takes_tools or hermes.OPEN in template.source

    def prompt(self, chat: Chat) -> ChatPrompt:
        tools = [] if chat.tool_choice == "none" else list(chat.tools)
        functions_of(tools)  # or they are refused
        forced = forced_of(tools, chat.tool_choice)
        mode = mode_of(chat.thinking, chat.effort, chat.template)
        if forced is not None:
            tools = [{"type": "function", "function": function} for function in forced.functions]
            mode = mode if mode.chosen else Mode(thinking=False, chosen=True)
        guarded = self._render(chat, tools, mode)
        tail = self._tail(guarded.text, mode)
        thinking = self._end is not None and (guarded.text + tail).rstrip().endswith(THINK)
        made = ChatPrompt(
            guarded.encode(self._tokenizer, tail),
            functools.partial(self._parser, bool(tools), thinking),
            self._keeps,
            self._end if thinking else None,
        )
        return made if forced is None else _calling(made, forced, thinking=thinking)

    def _render(self, chat: Chat, tools: Sequence[Mapping[str, Any]], mode: Mode) -> GuardedPrompt:
        template, extra = self._template, dict(chat.template or {})
        if mode.chosen:
            switches = template.variables & {"thinking", "enable_thinking"}
            extra |= dict.fromkeys(switches, mode.thinking)
        if not self._takes_tools:
            return template.guarded(hermes.told_of_tools(chat.messages, tools), extra)
        return template.guarded(chat.messages, extra | ({"tools": tools} if tools else {}))

    def _tail(self, text: str, mode: Mode) -> str:
        """Opens the thoughts that the model would open itself, so that it is known that it does."""
        told = text.rstrip().endswith((THINK, END_OF_THINKING))
        opens = "enable_thinking" in self._template.variables and self._end is not None
        return f"{THINK}\n" if opens and mode.thinking and not told else ""

    def _parser(self, has_tools: bool, thinking: bool) -> AnswerParser | PlainParser:
        calls = hermes.HermesParser() if has_tools and self._writes_hermes else None
        return AnswerParser(calls, thinking=thinking) if calls or thinking else PlainParser()


def _calling(prompt: ChatPrompt, forced: Forced, *, thinking: bool) -> ChatPrompt:
    """The same prompt, whose answer is a call in JSON."""
    name = forced.functions[0]["name"] if forced.named else None
    return replace(
        prompt,
        parser=functools.partial(ForcedCallParser, name, thinking=thinking),
        calls=json_form(forced.functions, named=forced.named, strict=forced.strict),
    )


class DeepseekV4Format:
    """Args: generation: of the checkpoint, since its configuration does not say."""

    gap = "\n\n"

    def __init__(self, tokenizer: Tokenizer, generation: Generation) -> None:
        self._tokenizer = tokenizer
        self._generation = generation
        end, mark = tokenizer.id_of(END_OF_THINKING), tokenizer.id_of(DSML)
        self._end = end
        self._keeps = frozenset(token for token in (end, mark) if token is not None)
        self._form = DsmlForm(mark, generation.block, generation.bare, generation.gap)

    def prompt(self, chat: Chat) -> ChatPrompt:
        mode = mode_of(chat.thinking, chat.effort, chat.template)
        conversation = Conversation(chat.messages, mode, chat.tools, chat.tool_choice, chat.schema)
        made = render(conversation, self._generation)
        ids = made.text.encode(self._tokenizer)
        forced = forced_of(chat.tools, chat.tool_choice) if made.calls else None
        if forced and made.thinking and self._end is None:
            raise RequestInvalid(
                "This vocabulary has no token that ends thinking, so a call cannot be made to "
                "follow it; set tool_choice to auto or thinking.type to disabled.",
                param="tool_choice",
            )
        calls = forced and self._form.calls(
            forced.functions, named=forced.named, strict=forced.strict, opened=bool(made.opened)
        )
        end = self._end if made.thinking else None
        return ChatPrompt(ids, made.parser, self._keeps, end, calls)


def load_format(
    directory: Path, tokenizer: Tokenizer, kind: str, generation: str = ""
) -> ChatFormat | None:
    """The format of a checkpoint of a ``kind`` of model; None: it has none for chats.

    Args:
        generation: one of `GENERATIONS`; ``""``: the newest that runs here.

    Raises:
        RequestInvalid: no such generation.
    """
    if generation and (kind != "deepseek_v4" or generation not in GENERATIONS):
        raise RequestInvalid(
            f"--chat-generation is for DeepSeek-V4 checkpoints, one of {', '.join(GENERATIONS)}."
        )
    if kind == "deepseek_v4":
        return DeepseekV4Format(tokenizer, GENERATIONS[generation] if generation else AUGUST)
    template = ChatTemplate.load(directory, tokenizer)
    return None if template is None else TemplateFormat(template, tokenizer)
