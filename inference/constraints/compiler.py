"""From a JSON schema to constraints, each schema compiled once."""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from inference.constraints.constraint import Constraint
from inference.constraints.limits import check_schema
from inference.encoding.call_forms import CallForm
from inference.errors import ConstraintUnsupported
from inference.tokenizer import Tokenizer

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLParserLimits, LLTokenizer

MAX_CACHED = 64  # compiled schemas
# At most one blank, or one line break and its indentation, where JSON allows white space:
# small models would fill an answer with it otherwise.
_WHITE_SPACE = r"[ ]|\n[ ]{0,16}"


class ConstraintCompiler:
    """Compiles for one model; any thread may call it, and it may take a second.

    Args:
        vocab_size: width of the model's logits.
        ends: the model's end tokens.
    """

    def __init__(self, tokenizer: Tokenizer, vocab_size: int, ends: Iterable[int]) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self._ends = sorted(ends)
        self._before = _all_but(self._ends, vocab_size)
        self._library: LLTokenizer | None = None
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._lock = threading.Lock()

    def compile(self, schema: dict[str, Any], opens_after: int | None = None) -> Constraint:
        """A fresh constraint; see `Constraint` for ``opens_after``.

        Raises:
            ConstraintUnsupported: the schema is too large, uses what the library cannot
                do, can never be met, or the library is not installed.
        """
        check_schema(schema)
        # The order of properties is part of what is asked for, so keys are not sorted.
        matcher = self._matcher(json.dumps(schema, separators=(",", ":")), _of_schema)
        return Constraint(matcher, opens_after, self._before)

    def compile_calls(self, form: CallForm, opens_after: int | None = None) -> Constraint:
        """A fresh constraint for an answer that has to call a tool; see `Constraint`.

        Where the schemas cannot be enforced and nobody insists, arguments are any.

        Raises:
            ConstraintUnsupported: a tool is ``strict``, and its schema cannot be enforced.
        """
        try:
            if form.grammar is None:
                raise _unsupported("It asks for more than the model's markup of calls can tell.")
            for schema in form.schemas:
                check_schema(schema)
            matcher = self._matcher(form.grammar, _of_lark)
        except ConstraintUnsupported as error:
            if form.strict:
                raise ConstraintUnsupported(
                    f"A strict tool's arguments cannot be kept to its schema: {error.message}",
                    param="tools",
                ) from None
            matcher = self._matcher(form.loose, _of_lark)
        return Constraint(matcher, opens_after, self._before, param="tools")

    def _matcher(self, text: str, read: Callable[[str], str]) -> "LLMatcher":
        """At the start of the grammar that ``read`` makes of ``text``."""
        with self._lock:  # one at a time: compiling may use a whole processor
            matcher = self._compiled.get(text)
            if matcher is None:
                matcher = self._compiled[text] = self._compile(read(text))
                if len(self._compiled) > MAX_CACHED:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(text)
            return matcher.deep_copy()

    def _compile(self, grammar: str) -> "LLMatcher":
        library = _library()
        if self._library is None:
            self._library = self._read_vocabulary()
        matcher = library.LLMatcher(self._library, grammar, limits=_limits(), log_level=0)
        trial = matcher.deep_copy()
        if not trial.is_error():
            trial.compute_bitmask()  # finds schemas that nothing meets, and warms the lexer up
        if trial.is_error():
            reason = trial.get_error().removesuffix("<non-verbose/>").strip()
            reason = reason.partition("\n   1 | ")[0]  # the grammar's text follows
            raise _unsupported(f"The schema cannot be enforced: {reason[:200]}")
        return matcher

    def _read_vocabulary(self) -> "LLTokenizer":
        library = _library()
        try:
            return library.LLTokenizer(
                self._tokenizer.to_json(),
                n_vocab=self._vocab_size,
                eos_token=self._ends,
                slices=library.LLTokenizer.json_slices(),
            )
        except ValueError as error:
            raise _unsupported(
                f"response_format is not offered for this model's tokenizer: {str(error)[:200]}"
            ) from None


def _of_schema(text: str) -> str:
    schema = {key: value for key, value in json.loads(text).items() if key != "x-guidance"}
    return _library().LLMatcher.grammar_from_json_schema(
        schema, overrides={"whitespace_pattern": _WHITE_SPACE}
    )


def _of_lark(text: str) -> str:
    return _library().LLMatcher.grammar_from_lark(text)


def _all_but(tokens: list[int], vocab_size: int) -> bytes:
    mask = bytearray(b"\xff" * (-(-vocab_size // 32) * 4))
    for token in tokens:
        mask[token // 8] &= ~(1 << token % 8)
    return bytes(mask)


def _unsupported(message: str) -> ConstraintUnsupported:
    return ConstraintUnsupported(message, param="response_format")


def _limits() -> "LLParserLimits":
    """Bounds on what one request may cost the engine's thread and its memory."""
    return _library().LLParserLimits(
        max_lexer_states=20_000, max_grammar_size=200_000, verbose_errors=False
    )


def _library() -> Any:
    try:
        import llguidance
    except ImportError:
        raise _unsupported(
            "An answer of a form needs the library llguidance, which is not installed beside this "
            "worker; install sovgate[worker]."
        ) from None
    return llguidance
