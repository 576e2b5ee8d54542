"""The text of an answer on its way to the client: tokens restored, inventions dealt with.

One ``FieldText`` per streamed field. Tokens are recognised first and passed over, what is left is
searched for personal data that the model made up, as the policy says. Values are put into JSON
escaped, wherever it stands (``guardrails.pii.redact.JsonRegions``). It knows no events.
"""

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from gateway.content import texts_of
from gateway.exchange import Exchange, GuardDecision
from gateway.pipeline.answer_fields import Kind
from gateway.settings import PolicySettings
from guardrails.pii.redact import JsonRegions, OutputRedactor, RequestTexts, output_entities
from guardrails.types import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from guardrails.pii import PiiEngine
    from guardrails.pii.restore import Piece, StreamRestorer


class OutputGuard:
    """What is done to the texts of one answer, and what the audit record says of it.

    Args:
        engine: finds what the model made up; ``None`` restores tokens only.
        options: further keywords for ``engine.detect``, such as a tenant's recognizers.
    """

    def __init__(
        self,
        exchange: Exchange,
        engine: "PiiEngine | None" = None,
        options: "Mapping[str, Any] | None" = None,
    ) -> None:
        rules = (exchange.policy or PolicySettings()).pii
        self._exchange = exchange
        self._scope = exchange.scope if rules.action is Action.MASK else None
        self.restores = rules.restore
        self.action = rules.output if engine is not None else "allow"
        self._engine = engine
        self._entities = output_entities(rules.output_entities)
        self._options = {"languages": tuple(rules.languages), **(options or {})}
        self._version = "" if engine is None else engine.version
        self._found: dict[str, int] = {}
        self.blocked = False
        # Nothing can change: no token was issued, nothing is looked for.
        self.is_idle = self.action == "allow" and (self._scope is None or not self.restores)
        if self.action != "allow":
            scope = exchange.scope
            texts = RequestTexts(() if scope is not None else texts_of(exchange.body))
            self._known = texts.is_known if scope is None else scope.is_known
            self._note("clear")

    @property
    def changes_text(self) -> bool:
        """Whether the client's text may differ from the upstream's."""
        tokens = self._scope is not None and self.restores
        return tokens or self.action in {"redact", "block"}

    def field(self, kind: Kind) -> "FieldText":
        """The way of one field."""
        return FieldText(self, kind)

    def whole(self, text: str, kind: Kind = Kind.TEXT) -> str:
        """A text that came at once."""
        field = self.field(kind)
        return joined([*field.feed(text), *field.flush()])

    def restorer(self, *, json_escaped: bool) -> "StreamRestorer | None":
        return None if self._scope is None else self._scope.restorer(json_escaped=json_escaped)

    def redactor(self, *, json_escaped: bool) -> OutputRedactor | None:
        if self._engine is None or self.action == "allow":
            return None
        return OutputRedactor(
            self._engine,
            self._known,
            self._entities,
            json_escaped=json_escaped,
            options=self._options,
            found=self._count,
        )

    def _count(self, entity_type: str) -> None:
        self._found[entity_type] = self._found.get(entity_type, 0) + 1
        self.blocked = self.action == "block"
        decisions = self._exchange.decisions
        decisions[:] = [
            item
            for item in decisions
            if not self._is_mine(item) or (item.category not in (None, entity_type))
        ]
        self._note(f"found:{self._found[entity_type]}", entity_type)

    def _note(self, verdict: str, entity_type: str | None = None) -> None:
        self._exchange.decisions.append(
            GuardDecision(
                "pii", self._version, self.action, "output", verdict, category=entity_type
            )
        )

    def _is_mine(self, decision: GuardDecision) -> bool:
        return decision.name == "pii" and decision.direction == "output"


class FieldText:
    """One field: source text in, pieces ``(source, text)`` for the client out."""

    def __init__(self, guard: OutputGuard, kind: Kind) -> None:
        self._guard = guard
        self._is_json = kind is Kind.JSON
        self._regions = None if self._is_json else JsonRegions()
        self._restorer = guard.restorer(json_escaped=self._is_json)
        self._redactor = guard.redactor(json_escaped=self._is_json)
        self._stopped = False

    def feed(self, chunk: str) -> "list[Piece]":
        if self._regions is None:
            return self._feed(chunk)
        pieces: list[Piece] = []
        for is_json, text in self._regions.feed(chunk):
            if is_json != self._is_json:
                pieces += self._switch(is_json)
            pieces += self._feed(text)
        return pieces

    def passes(self, chunk: str) -> bool:
        """Take in a chunk that goes out as it is and ends nothing; else take in nothing."""
        regions, restorer = self._regions, self._restorer
        if self._redactor is not None or self._is_json:
            return False
        if regions is None or not regions.is_prose(chunk):
            return False
        if restorer is not None and not restorer.passes(chunk):
            return False
        regions.pass_prose(chunk)
        return True

    def flush(self) -> "list[Piece]":
        pieces = [] if self._restorer is None else self._through(self._restorer.flush_pieces())
        if self._redactor is not None:
            pieces += self._redacted(self._redactor.flush_pieces())
        return pieces

    def _feed(self, text: str) -> "list[Piece]":
        if self._restorer is None:
            return self._through([(text, text)])
        return self._through(self._restorer.feed_pieces(text))

    def _switch(self, is_json: bool) -> "list[Piece]":
        pieces = [] if self._restorer is None else self._through(self._restorer.flush_pieces())
        if self._redactor is not None:
            pieces += self._redacted(self._redactor.switch(json_escaped=is_json))
        self._is_json = is_json
        self._restorer = self._guard.restorer(json_escaped=is_json)
        return pieces

    def _through(self, pieces: "list[Piece]") -> "list[Piece]":
        guard, redactor = self._guard, self._redactor
        if redactor is None:
            return pieces if guard.restores else [(source, source) for source, _ in pieces]
        out: list[Piece] = []
        for source, text in pieces:
            if text is source:
                out += self._redacted(redactor.feed_pieces(source))
            else:
                # Tokens stay opaque also where they are not restored.
                shown = text if guard.restores else source
                out += self._redacted(redactor.pass_over(source, shown))
        return pieces if guard.action == "flag" else out

    def _redacted(self, pieces: "list[Piece]") -> "list[Piece]":
        guard = self._guard
        if guard.action == "flag" or self._stopped:
            return []
        if guard.blocked:
            # What was decided before the finding is the same for every cut, so it goes out.
            self._stopped = True
            good = takewhile(lambda piece: piece[0] is piece[1], pieces)
            return list(good)
        return pieces


def joined(pieces: "Iterable[Piece]") -> str:
    """What the client gets."""
    return "".join([text for _, text in pieces])
