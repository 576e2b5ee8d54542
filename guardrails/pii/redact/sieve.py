"""Holds back the end of a text while an identifier could still be growing there.

Text goes in, pieces ``(source, text)`` come out, in order and complete: what is let go is
either as it was or a mark. Where it is cut depends on its characters alone, each piece of it is
looked at once (twice in an unbroken run longer than ``CAP``) together with a little of what
stood before, and at most ``CAP`` characters wait. It does not know what is looked for.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from guardrails.pii.redact.pem import PemBody, pem_header
from guardrails.pii.redact.suspicion import LAG_WORDS, Suspicion
from guardrails.pii.redact.words import UNIT, Kind, ends_clause, ends_sentence, kind_of
from guardrails.pii.restore import Piece

CAP: Final = 1024
OVERLAP: Final = 512
_CONTEXT: Final = 96
_PROSE_CONTEXT: Final = 240
# A finding that ends so near the end of a full window may go on behind it.
_TAIL: Final = 64
# Windows of an unbroken run begin at multiples of 12, where base64 (4), hexadecimal digits (2)
# and percent signs (3) begin anew.
_STEP: Final = 12
_RUN_END: Final = re.compile(r"[\s\"'<>,;\u3000-\u9fff]")
_SENTENCE_END: Final = re.compile("[。！？]")


class Edit(NamedTuple):
    """A finding that is not the caller's: ``text[start:end]``."""

    start: int
    end: int
    entity_type: str


# Given a text and how much of its beginning was let go already: what is found behind that.
Look = Callable[[str, int], list[Edit]]
Found = Callable[[str], None]


class Sieve:
    """One stream of text.

    Args:
        look: finds what must not pass.
        found: told the type of each finding as it is replaced.
        structured: what is looked for can be told from words; else whole sentences wait.
        keys: private keys are among what is looked for.
    """

    def __init__(self, look: Look, found: Found, *, structured: bool, keys: bool) -> None:
        self._look = look
        self._found = found
        self._structured = structured
        self._keys = keys
        self._text = ""
        self._raw: list[str] | None = None  # source of each character, where they differ
        self._context = ""
        self._at = 0  # what stands before was classified
        self._suspicion = Suspicion()
        self._run = 0  # characters of an unbroken run let go already, modulo _STEP
        self._dropping = False
        self._pem: PemBody | None = None

    def feed(self, text: str, raw: list[str] | None = None) -> list[Piece]:
        """What can go out now. ``raw`` holds the source of each character, where it differs."""
        if raw is not None and self._raw is None:
            self._raw = list(self._text)
        if self._raw is not None:
            self._raw += text if raw is None else raw
        self._text += text
        pieces: list[Piece] = []
        while self._text and self._step(pieces):
            pass
        return pieces

    def close(self, following: str = "") -> list[Piece]:
        """Everything that waits: no identifier goes on behind this place. ``following`` is what
        comes next, for patterns that want to see the closing quote."""
        pieces: list[Piece] = []
        is_key = self._pem is not None and self._pem.takes(self._text.strip(), "\n")
        if self._dropping or is_key:
            self._drop(len(self._text), pieces)
        elif self._text:
            rest = self._text[self._at :]
            if rest.strip():
                self._suspicion.take(kind_of(rest.strip()), rest.strip(), self._at)
            self._decide(len(self._text), len(self._text), pieces, following)
        self._dropping, self._pem, self._run = False, None, 0
        self._suspicion.lag = []
        return pieces

    def pass_over(self, source: str, text: str, shadow: str) -> list[Piece]:
        """Let ``text`` out as it is, in its turn; ``shadow`` stands for it in the context."""
        pieces = self.close(shadow)
        pieces.append((source, text))
        self._remember(shadow)
        return pieces

    @property
    def context(self) -> str:
        """The end of what was let go, as it came in."""
        return self._context

    def _step(self, pieces: list[Piece]) -> bool:
        """Deal with the next word; false where more text is needed."""
        if self._dropping:
            return self._drop_run(pieces)
        if self._pem is not None:
            return self._drop_key(pieces)
        unit = UNIT.match(self._text, self._at, CAP)
        if unit is None:
            if len(self._text) < CAP:
                return False
            self._force(pieces)
        elif unit["lead"]:
            self._at = unit.end()
        elif unit["cjk"]:
            self._han(unit, pieces)
        elif self._structured:
            self._word(unit, pieces)
        else:
            self._at = unit.end()
            if ends_sentence(unit["word"], unit["space"] or ""):
                self._decide(self._at, self._at, pieces)
        return True

    def _word(self, unit: re.Match[str], pieces: list[Piece]) -> None:
        word, space, end = unit["word"], unit["space"] or "", unit.end()
        self._at = end
        is_end = self._keys and word.endswith("-----")
        if is_end and (header := pem_header(self._text, unit)) is not None:
            self._decide(header, header, pieces)
            key = unit.end("word") - header
            self._release(key, [Edit(0, key, "PRIVATE_KEY")], pieces)
            # Seen again, the header would claim whatever follows the key.
            self._context = ""
            self._pem = PemBody()
            self._suspicion.key_begins()
            return
        suspicion, kind = self._suspicion, kind_of(word)
        suspicion.take(kind, word, unit.start())
        goes_on = suspicion.goes_on or kind is Kind.JOINER
        if kind is Kind.BREAK or (not goes_on and ends_clause(word, space)):
            suspicion.lag = []
            self._decide(end, end, pieces)
        elif len(suspicion.lag) >= LAG_WORDS:
            start = suspicion.lag[-LAG_WORDS]
            if suspicion.is_open:
                self._decide(end, start, pieces)
            elif start:
                self._release(start, [], pieces)

    def _han(self, unit: re.Match[str], pieces: list[Piece]) -> None:
        start, end = unit.span()
        if self._structured:
            # Each character on its own ends what came before, however many have come.
            if start:
                self._decide(start, start, pieces)
            self._release(end - start, [], pieces)
            self._suspicion.lag = []
            return
        stop = _SENTENCE_END.search(self._text, start, end)
        self._at = stop.end() if stop else end
        if stop:
            self._decide(self._at, self._at, pieces)

    def _decide(self, end: int, cut: int, pieces: list[Piece], following: str = "") -> None:
        """Look at ``text[:end]`` and let go of ``text[:cut]`` and of any finding behind."""
        edits = self._looked(end, following) if self._is_worth(end) else []
        for edit in edits:
            cut = max(cut, edit.end)
        self._release(cut, edits, pieces)
        self._suspicion.decided()

    def _is_worth(self, end: int) -> bool:
        if not self._structured:
            return not self._text[:end].isspace()
        return self._suspicion.is_worth_looking(self._text, end)

    def _looked(self, end: int, following: str = "") -> list[Edit]:
        offset = len(self._context)
        return [
            Edit(max(0, edit.start - offset), min(end, edit.end - offset), edit.entity_type)
            for edit in self._look(self._context + self._text[:end] + following, offset)
            if edit.start < offset + end
        ]

    def _force(self, pieces: list[Piece]) -> None:
        """The window is full: let its first half go, and no part of a finding with it."""
        edits = self._looked(CAP)
        cut = CAP - OVERLAP
        space = max(self._text.rfind(mark, 0, cut) for mark in " \n") + 1
        cut = space or cut - (self._run + cut) % _STEP
        for edit in edits:
            if edit.start >= cut or edit.end <= cut:
                continue
            if edit.end < CAP - _TAIL:
                cut = edit.end
            elif edit.start:
                cut = edit.start
            else:
                # Longer than any window: whatever it goes on with is dropped with it.
                self._release(CAP, [Edit(0, CAP, edit.entity_type)], pieces)
                self._dropping = True
                return
        run = 0 if space else (self._run + cut) % _STEP
        self._release(cut, [edit for edit in edits if edit.end <= cut], pieces)
        self._run, self._at = run, 0
        self._suspicion.inside_run()

    def _release(self, cut: int, edits: list[Edit], pieces: list[Piece]) -> None:
        position = 0
        for edit in edits:
            self._keep(position, edit.start, pieces)
            pieces.append((self._source(edit.start, edit.end), f"[{edit.entity_type}]"))
            position = edit.end
            self._found(edit.entity_type)
        self._keep(position, cut, pieces)
        self._forget(cut)

    def _keep(self, start: int, end: int, pieces: list[Piece]) -> None:
        if start < end:
            source = self._source(start, end)
            pieces.append((source, source))

    def _source(self, start: int, end: int) -> str:
        return self._text[start:end] if self._raw is None else "".join(self._raw[start:end])

    def _forget(self, cut: int) -> None:
        self._remember(self._text[:cut])
        self._text = self._text[cut:]
        if self._raw is not None:
            self._raw = self._raw[cut:] if self._text else None
        self._at = max(0, self._at - cut)
        self._suspicion.let_go(cut)
        self._run = 0

    def _remember(self, text: str) -> None:
        size = _CONTEXT if self._structured else _PROSE_CONTEXT
        self._context = (self._context + text)[-size:]

    def _drop(self, end: int, pieces: list[Piece]) -> None:
        if end:
            pieces.append((self._source(0, end), ""))
            self._forget(end)
            self._context = ""

    def _drop_run(self, pieces: list[Piece]) -> bool:
        stop = _RUN_END.search(self._text)
        self._drop(stop.start() if stop else len(self._text), pieces)
        self._dropping = stop is None
        return bool(self._text)

    def _drop_key(self, pieces: list[Piece]) -> bool:
        assert self._pem is not None, "asked for only within a key"
        start = len(self._text) - len(self._text.lstrip())
        unit = UNIT.match(self._text, start, CAP)
        if unit is None and len(self._text) < CAP:
            return False
        if unit is None:
            self._drop(CAP, pieces)
        elif not self._pem.takes(unit["word"] or "", unit["space"] or ""):
            self._pem = None
        else:
            self._drop(unit.end("word"), pieces)
            self._pem = None if self._pem.ended else self._pem
        return True
