"""What a customer says of a recognizer: plain values, the same in YAML, in the API and stored.

Only the form is checked here (lengths, names, contradictions); whether a pattern is fit to run
is ``check``'s matter, and running it ``recognizer``'s.
"""

import unicodedata
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

ENTITY_PATTERN: Final = r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$"
NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
MAX_PATTERN_CHARS: Final = 1000
MAX_PATTERNS: Final = 20
MAX_VALUES: Final = 10_000
MAX_VALUE_CHARS: Final = 200
MAX_CONTEXT_WORDS: Final = 100
MAX_RECOGNIZERS: Final = 100

Language = Literal["en", "de", "zh", "fr"]
PatternFlag = Literal["ignore_case", "multiline", "dot_all"]


def _printable(text: str) -> str:
    """Refuses characters that hide in a list: controls, lone surrogates, invisible marks."""
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cf") for character in text):
        raise ValueError("control and invisible characters are not allowed")
    return text


def _value(text: str) -> str:
    stripped = unicodedata.normalize("NFC", _printable(text).strip())
    if not stripped:
        raise ValueError("a value must not be blank")
    return stripped


Printable = Annotated[str, AfterValidator(_printable)]
Value = Annotated[str, Field(max_length=MAX_VALUE_CHARS), AfterValidator(_value)]
Regex = Annotated[
    str, Field(min_length=1, max_length=MAX_PATTERN_CHARS), AfterValidator(_printable)
]


class _Part(BaseModel):
    """Frozen, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PatternSpec(_Part):
    """One regular expression in Python's syntax, run in linear time."""

    name: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_printable)] = Field(
        default="pattern", description="Shown as the reason of a finding."
    )
    regex: Regex = Field(description="Python's syntax; see docs/recognizers.md for its limits.")
    score: float = Field(
        default=0.85, ge=0, le=1, description="Findings below 0.5 need context words to count."
    )
    flags: list[PatternFlag] = Field(default=[], max_length=3, description="None by default.")
    group: Annotated[int, Field(ge=0, le=99)] | Annotated[str, Field(max_length=40)] = Field(
        default=0, description="The capture group that is the finding; 0: the whole match."
    )


class DenyList(_Part):
    """Values that are always personal data."""

    values: list[Value] = Field(
        min_length=1, max_length=MAX_VALUES, description="Each is found wherever it stands."
    )
    score: float = Field(default=1.0, ge=0, le=1, description="Of a finding, 0 to 1.")
    ignore_case: bool = Field(default=True, description="Also find other capitals.")
    whole_words: bool = Field(
        default=True, description="Not inside of longer words; Chinese text has no such ends."
    )


class AllowList(_Part):
    """Values that are never masked, whatever finds them."""

    values: list[Value] = Field(
        default=[], max_length=MAX_VALUES, description="Exactly these findings."
    )
    patterns: list[Regex] = Field(
        default=[],
        max_length=MAX_PATTERNS,
        description="Findings that one of these matches as a whole.",
    )
    ignore_case: bool = Field(default=False, description="Of the values and the patterns.")

    @model_validator(mode="before")
    @classmethod
    def _of_plain_list(cls, given: Any) -> Any:
        """``allow_list: [a, b]`` is short for its values."""
        return {"values": given} if isinstance(given, list) else given

    def __bool__(self) -> bool:
        return bool(self.values or self.patterns)


class ContextSpec(_Part):
    """Words near a finding that make it surer, or without which it is none."""

    words: list[Value] = Field(
        min_length=1, max_length=MAX_CONTEXT_WORDS, description="Beginnings of words; any case."
    )
    required: bool = Field(default=False, description="No word near, no finding.")
    boost: float = Field(default=0.35, ge=0, le=1, description="Added to the score near a word.")
    before: int = Field(default=60, ge=0, le=500, description="Characters before the finding.")
    after: int = Field(default=30, ge=0, le=500, description="Characters after it.")


class RecognizerSpec(_Part):
    """A customer's recognizer: what it finds, or what it allows, or both."""

    name: Annotated[str, Field(pattern=NAME_PATTERN)] = Field(
        description="Unique in its tenant; shown as the detector of a finding."
    )
    entity: Annotated[str, Field(max_length=40, pattern=ENTITY_PATTERN)] | None = Field(
        default=None, description="UPPER_SNAKE: a type of its own, or one of docs/privacy.md."
    )
    languages: list[Language] = Field(
        default=[], max_length=4, description="Of the texts it looks at; empty: all."
    )
    patterns: list[PatternSpec] = Field(
        default=[], max_length=MAX_PATTERNS, description="Any of them makes a finding."
    )
    deny_list: DenyList | None = Field(default=None, description="Values that are findings.")
    context: ContextSpec | None = Field(default=None, description="Words near a finding.")
    allow_list: AllowList | None = Field(
        default=None, description="Values that the tenant never masks, of whatever type."
    )

    @model_validator(mode="after")
    def _says_something(self) -> "RecognizerSpec":
        finds = bool(self.patterns or self.deny_list)
        if not finds and not self.allow_list:
            raise ValueError("give patterns, a deny_list or an allow_list")
        if finds and self.entity is None:
            raise ValueError("name the entity that the patterns and the deny_list find")
        if len(set(self.languages)) != len(self.languages):
            raise ValueError("a language is named twice")
        return self
