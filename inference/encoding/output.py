"""What a model answers, told apart as it comes: thinking, answer, calls of tools.

Markup never comes out, and a text gives the same whatever pieces it comes in. As DeepSeek's own
parser does, it leaves out line feeds at the edges of thinking and before calls, tags that end no
thinking, and what is written after a call.
"""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from core.dsml import Kind, Piece
from core.tags import held_back
from inference.encoding.tokens import END_OF_THINKING


class Part(Enum):
    REASONING = "reasoning"
    CONTENT = "content"
    CALL = "call"  # a call of this name begins
    ARGUMENTS = "arguments"  # more of the JSON of its arguments


Event = tuple[Part, str]
Give = Callable[[Part, str], None]


class CallParser(Protocol):
    """Tells a markup's calls from the text around them, fed in whatever pieces it comes."""

    def feed(self, text: str) -> list[Piece]: ...

    def flush(self, *, truncated: bool = False) -> list[Piece]: ...


class AnswerParser:
    """One answer.

    Args:
        calls: reads the markup of calls; None: the request has no tools, and a call is a text.
        thinking: the prompt ends within thinking.
        goes_on: the client began this part of the answer, so line feeds belong to it.
        opened: markup of a call that the prompt ends with.
    """

    def __init__(
        self,
        calls: CallParser | None = None,
        *,
        thinking: bool = False,
        goes_on: bool = False,
        opened: str = "",
    ) -> None:
        self._events: list[Event] = []
        self._calls = calls
        self._sections = Sections(
            self._give, thinking=thinking, goes_on=goes_on, holds=calls is not None
        )
        self.called = False
        if opened and self._calls is not None:
            self._take(self._calls.feed(opened))

    @property
    def thinks(self) -> bool:
        """What comes next is thinking."""
        return self._sections.part is Part.REASONING and not self.called

    def feed(self, text: str) -> list[Event]:
        if self._calls is None:
            self._sections.feed(text)
        else:
            self._take(self._calls.feed(text))
        return self._taken()

    def finish(self, *, truncated: bool = False) -> list[Event]:
        """What was held back. Args: truncated: a call that was cut stays invalid JSON."""
        if self._calls is not None:
            self._take(self._calls.flush(truncated=truncated))
        if not self.called:
            self._sections.finish()
        return self._taken()

    def _take(self, pieces: list[tuple[Kind, str]]) -> None:
        for kind, text in pieces:
            if kind is Kind.TEXT:
                if not self.called:
                    self._sections.feed(text)
            elif kind is Kind.CALL:
                if not self.called:
                    self._sections.finish(ended=True)
                self.called = True
                self._give(Part.CALL, text)
            else:
                self._give(Part.ARGUMENTS, text)

    def _give(self, part: Part, text: str) -> None:
        """Joined with what came before, if it is of one part."""
        events = self._events
        if events and events[-1][0] is part and part is not Part.CALL:
            events[-1] = part, events[-1][1] + text
        else:
            events.append((part, text))

    def _taken(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken


class PlainParser:
    """The answer of a model whose markup is not known here: a text."""

    called = False

    def feed(self, text: str) -> list[Event]:
        return [(Part.CONTENT, text)] if text else []

    def finish(self, *, truncated: bool = False) -> list[Event]:
        return []


class Sections:
    """A text without calls: thinking up to its tag, then the answer.

    Args:
        holds: line feeds at the end of the answer wait, since a call may follow.
    """

    def __init__(
        self, give: Give, *, thinking: bool, goes_on: bool = False, holds: bool = False
    ) -> None:
        self.part = Part.REASONING if thinking else Part.CONTENT
        self._give = give
        self._holds = holds
        self._begins = not goes_on
        self._buffer = ""

    def feed(self, text: str) -> None:
        self._buffer += text
        while (at := self._buffer.find(END_OF_THINKING)) >= 0:
            before, self._buffer = self._buffer[:at], self._buffer[at + len(END_OF_THINKING) :]
            if self.part is Part.REASONING:
                self._say(before.rstrip("\n"))
                self.part, self._begins = Part.CONTENT, True
            else:
                self._say(before)
        end = len(self._buffer) - held_back(self._buffer, END_OF_THINKING)
        if self._holds or self.part is Part.REASONING:
            end = len(self._buffer[:end].rstrip("\n"))
        self._say(self._buffer[:end])
        self._buffer = self._buffer[end:]

    def finish(self, *, ended: bool = False) -> None:
        """Args: ended: a call follows."""
        self._say(self._buffer.rstrip("\n") if ended else self._buffer)
        self._buffer = ""

    def _say(self, text: str) -> None:
        if self._begins:
            text = text.lstrip("\n")
            self._begins = not text
        if text:
            self._give(self.part, text)
