"""A conversation as the prompt that DeepSeek-V4 checkpoints were trained on.

    <bos> [effort] system [tools] <User> ... <Assistant> <think> reasoning </think> answer <eos> ...

The effort's text stands first, so another effort shares nothing of the prefix cache. Reasoning of
earlier turns is left out unless the request has tools, since a checkpoint goes on thinking between
its calls.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.dsml import DsmlParser, Tools, tools_of
from inference.encoding.generations import Generation
from inference.encoding.history import (
    SYSTEM_ROLES,
    AssistantTurn,
    Call,
    SystemTurn,
    Turn,
    UserTurn,
    turns_of,
)
from inference.encoding.modes import Mode
from inference.encoding.output import AnswerParser
from inference.encoding.pieces import PromptText
from inference.encoding.tokens import (
    ASSISTANT,
    BEGIN,
    DSML,
    END,
    END_OF_THINKING,
    THINK,
    TOKENS,
    USER,
)
from inference.encoding.tools import (
    TOOLS,
    TOOLS_END,
    as_json,
    functions_of,
    parameters_of,
    wanted_of,
)
from inference.errors import ReasoningMissing

_FORMAT = "## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n"


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a prompt is made of. ``schema``: a JSON schema that the answer has to fit."""

    messages: Sequence[Mapping[str, Any]]
    mode: Mode
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: Any = None
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class V4Prompt:
    """A prompt, and how the answer to it is to be read."""

    text: PromptText
    thinking: bool
    goes_on: bool
    tools: Tools | None
    calls: bool  # the answer has to be a call
    opened: str  # its markup in the prompt; none where thoughts come first

    def parser(self) -> AnswerParser:
        calls = None if self.tools is None else DsmlParser(self.tools, strict=True)
        return AnswerParser(calls, thinking=self.thinking, goes_on=self.goes_on, opened=self.opened)


def render(conversation: Conversation, generation: Generation) -> V4Prompt:
    """The prompt of a conversation.

    Raises:
        RequestInvalid: the messages or tools make no conversation.
        ReasoningMissing: thinking and tools need the reasoning of earlier calls.
    """
    functions = functions_of(conversation.tools)
    wanted = wanted_of(conversation.tool_choice, functions)
    if conversation.tool_choice == "none":
        functions = []
    mode = _mode(conversation.mode, wanted)
    return _Renderer(conversation, generation, functions, mode, wanted).render()


class _Renderer:
    def __init__(
        self,
        conversation: Conversation,
        generation: Generation,
        functions: list[dict[str, Any]],
        mode: Mode,
        wanted: str | None,
    ) -> None:
        self._conversation = conversation
        self._generation = generation
        self._functions = [f for f in functions if wanted in (None, "", f["name"])]
        self._mode = mode
        self._wanted = wanted
        self._keeps = mode.thinking and bool(functions)  # the reasoning of earlier turns
        self._out = PromptText(TOKENS)

    def render(self) -> V4Prompt:
        turns = turns_of(self._messages())
        self._out.markup(BEGIN)
        self._begin(turns)
        for turn in turns:
            self._turn(turn)
        last = turns[-1] if turns else None
        going = last if isinstance(last, AssistantTurn) and last.unfinished else None
        opened = "" if going else self._open()
        content = going is not None and bool(going.content)
        return V4Prompt(
            self._out,
            thinking=self._mode.thinking and not content,
            goes_on=going is not None and bool(going.content or going.reasoning),
            tools=tools_of({"tools": list(self._conversation.tools)}) if self._functions else None,
            calls=going is None and self._wanted is not None,
            opened=opened,
        )

    def _begin(self, turns: list[Turn]) -> None:
        """What stands before the first other turn, the system's turns taken for it."""
        texts = []
        while turns and isinstance(first := turns[0], SystemTurn):
            texts.append(first.text)
            del turns[0]
            if self._generation.system_token:
                break
        effort = self._generation.efforts[self._mode.effort] if self._mode.thinking else ""
        schema = self._conversation.schema
        if effort or self._functions or schema is not None or any(texts):
            self._out.markup(self._generation.system_token)
        self._out.markup(effort)
        self._out.text(_joined(texts))
        if self._functions:
            self._out.markup("\n\n" + TOOLS.format(dsml=self._mark, block=self._generation.block))
            self._out.text("\n".join(as_json(function) for function in self._functions))
            self._out.markup(TOOLS_END)
        if schema is not None:
            self._out.markup("\n\n" + _FORMAT).text(as_json(schema))

    def _messages(self) -> list[Mapping[str, Any]]:
        """The system's first, where the checkpoints know no such turn later on."""
        messages = list(self._conversation.messages)
        if self._generation.system_token:
            return messages
        return sorted(messages, key=lambda message: message["role"] not in SYSTEM_ROLES)

    def _turn(self, turn: Turn) -> None:
        if isinstance(turn, SystemTurn):
            self._out.markup(self._generation.system_token).text(turn.text)
        elif isinstance(turn, UserTurn):
            blocks = (f"<tool_result>{t}</tool_result>" if of else t for of, t in turn.blocks)
            self._out.markup(USER).text(_joined(blocks))
        else:
            self._assistant(turn)

    def _assistant(self, turn: AssistantTurn) -> None:
        self._out.markup(ASSISTANT)
        if self._mode.thinking and (self._keeps or turn.unfinished):
            self._out.markup(THINK).text(self._reasoning(turn))
            if turn.unfinished and not turn.content:
                return
        self._out.markup(END_OF_THINKING).text(turn.content)
        if turn.calls:
            self._calls(turn.calls)
        if not turn.unfinished:
            self._out.markup(END)

    def _reasoning(self, turn: AssistantTurn) -> str:
        if turn.reasoning is None and turn.calls:
            raise ReasoningMissing(
                "With tools, a thinking model needs its earlier reasoning: send each assistant "
                "message that has tool_calls back with its reasoning_content.",
                param="messages",
            )
        return turn.reasoning or ""

    def _calls(self, calls: Sequence[Call]) -> None:
        out, mark, block = self._out, self._mark, self._generation.block
        out.markup(f"\n\n<{mark}{block}>\n")
        for call in calls:
            out.markup(f'<{mark}invoke name="').text(call.name).markup('">\n')
            parameters = parameters_of(call.arguments)
            out.markup("" if parameters else self._generation.bare)
            for name, is_text, value in parameters:
                out.markup(f'<{mark}parameter name="').text(name)
                out.markup(f'" string="{"true" if is_text else "false"}">').text(value)
                out.markup(f"</{mark}parameter>\n")
            out.markup(f"</{mark}invoke>\n")
        out.markup(f"</{mark}{block}>")

    def _open(self) -> str:
        """Begins the answer; the markup of a call that it has to begin with."""
        self._out.markup(ASSISTANT + (THINK if self._mode.thinking else END_OF_THINKING))
        if self._wanted is None or self._mode.thinking:
            return ""
        mark = self._mark
        opened = f"<{mark}{self._generation.block}>\n"
        self._out.markup("\n\n" + opened)
        if self._wanted:
            invoke = f'<{mark}invoke name="{self._wanted}">\n'
            self._out.markup(invoke)
            opened += invoke
        return opened

    @property
    def _mark(self) -> str:
        return DSML + self._generation.gap


def _mode(mode: Mode, wanted: str | None) -> Mode:
    """Before a call that must be, a model thinks only if it was told to."""
    return mode if wanted is None or mode.chosen else Mode(False, mode.effort)


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(filter(None, texts))
