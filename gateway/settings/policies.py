"""What a tenant's requests may do, and what guards make of them."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from core.canonical import digest
from gateway.settings.caching import CachePolicy
from gateway.settings.section import Section, Share
from guardrails.pii.custom.definition import MAX_RECOGNIZERS, AllowList, RecognizerSpec
from guardrails.pii.masking.modes import parse_modes
from guardrails.types import Action, MaskMode


class MediaPolicy(Section):
    """No detector reads these. What passes unread is said in the audit record."""

    images: Literal["allow", "block"] = Field(default="allow", description="Image parts.")
    audio: Literal["allow", "block"] = Field(default="allow", description="Audio parts.")
    files: Literal["allow", "block"] = Field(
        default="allow", description="File parts, and parts of unknown types."
    )
    video: Literal["allow", "block"] = Field(default="allow", description="Video parts.")


class PiiPolicy(Section):
    action: Action = Field(default=Action.MASK, description="`mask`, `flag`, `block` or `allow`.")
    restore: bool = Field(default=True, description="Put the values back into the answer.")
    entities: Literal["default"] | list[str] = Field(
        default="default",
        description="Entity types looked for; `default` is docs/privacy.md's list.",
    )
    languages: list[Literal["en", "de", "zh", "fr"]] = Field(
        default=["en", "de", "zh", "fr"], description="Languages of the expected text."
    )
    modes: dict[str, MaskMode] = Field(
        default={},
        description="What stands for a masked value, by entity type: `placeholder` (the default),"
        " `surrogate`, `hash`, `partial`, `redact`, or `block` to refuse the request.",
    )
    recognizers: list[RecognizerSpec] = Field(
        default=[],
        max_length=MAX_RECOGNIZERS,
        description="Recognizers of one's own, beside those of the tenant in the database.",
    )
    allow_list: AllowList = Field(
        default=AllowList(), description="Values never masked; a plain list is its `values`."
    )
    registry_file: Path | None = Field(
        default=None, description="A Presidio recognizer registry (YAML), taken over at start."
    )
    media: MediaPolicy = Field(
        default=MediaPolicy(), description="Content that no detector can read."
    )
    embedding_mode: MaskMode = Field(
        default=MaskMode.REDACT,
        description="What stands for a masked value in a text that is embedded. `redact` and"
        " `hash` give a text the same vector in every request; `placeholder` numbers the values"
        " of each request, so they do not. A type that `modes` blocks is refused here too.",
    )

    output: Literal["allow", "flag", "redact", "block"] = Field(
        default="allow",
        description="Personal data in an answer that did not stand in the request: `allow` lets"
        " it pass, `flag` counts it in the audit record, `redact` puts `[EMAIL_ADDRESS]` and"
        " the like in its place, `block` ends the answer there.",
    )
    output_entities: Literal["default"] | list[str] = Field(
        default="default",
        description="Entity types that count in answers; `default`: numbers with a structure,"
        " mailboxes, addresses of machines, secrets; no names, places or dates.",
    )

    @field_validator("recognizers")
    @classmethod
    def _named_once(cls, recognizers: list[RecognizerSpec]) -> list[RecognizerSpec]:
        if len({spec.name for spec in recognizers}) != len(recognizers):
            raise ValueError("two recognizers have the same name")
        return recognizers

    @field_validator("modes")
    @classmethod
    def _known_types(cls, modes: dict[str, MaskMode]) -> dict[str, MaskMode]:
        return parse_modes(modes)


class ModerationPolicy(Section):
    input: Action = Field(default=Action.BLOCK, description="What an unsafe prompt leads to.")
    output: Action = Field(default=Action.BLOCK, description="What an unsafe answer leads to.")
    categories: Literal["default"] | list[str] = Field(
        default="default", description="Categories that count; `default`: all."
    )
    threshold: Share | None = Field(default=None, description="Null: the shipped threshold.")


class InjectionPolicy(Section):
    input: Action = Field(default=Action.BLOCK, description="Injection in what the user says.")
    documents: Action = Field(default=Action.FLAG, description="Injection in tool results.")
    threshold: Share | None = Field(default=None, description="Null: the shipped threshold.")


class RoutingPolicy(Section):
    quality: Share = Field(default=0.8, description="0: cheapest tier that may do, 1: strongest.")
    queue_weight: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Share of a tenant when requests queue for an upstream: 2 gets twice of 1.",
    )


class AuditPolicy(Section):
    bodies: Literal["none", "masked"] = Field(
        default="none",
        description="`masked`: keep the prompt as the upstream got it and its answer before values"
        " are restored, sealed; needs `pii.action` `mask` or `block`.",
    )
    bodies_retention_days: int = Field(
        default=30, ge=1, description="Days that stored bodies are kept."
    )
    retention_days: int | None = Field(
        default=None,
        ge=1,
        description="Days that records are kept; null: as `audit.retention_days` says.",
    )


class ResponsesPolicy(Section):
    store: bool = Field(
        default=True,
        description="Keep responses, sealed, for `previous_response_id` and for reading them"
        " again, unless a request says `store: false`.",
    )
    retention_days: int = Field(default=30, ge=1, description="Days that they are kept.")


class PolicySettings(Section):
    zones: list[str] = Field(default=["onprem"], description="Zones that traffic may go to.")
    pii: PiiPolicy = Field(default=PiiPolicy(), description="Personal data.")
    moderation: ModerationPolicy = Field(
        default=ModerationPolicy(), description="Unsafe prompts and answers."
    )
    injection: InjectionPolicy = Field(
        default=InjectionPolicy(), description="Attempts to take over the model."
    )
    routing: RoutingPolicy = Field(default=RoutingPolicy(), description="Choice of tiers.")
    audit: AuditPolicy = Field(default=AuditPolicy(), description="What is kept, and how long.")
    responses: ResponsesPolicy = Field(
        default=ResponsesPolicy(), description="Stored turns of `/v1/responses`."
    )
    cache: CachePolicy = Field(
        default=CachePolicy(), description="Answers given again (docs/caching.md)."
    )
    reasoning_field: Literal["reasoning_content", "reasoning", "both"] = Field(
        default="reasoning_content",
        description="Where chat clients look for reasoning: `reasoning_content` (DeepSeek, SGLang,"
        " LangChain), `reasoning` (vLLM, OpenRouter, Ollama).",
    )

    @model_validator(mode="after")
    def _no_clear_bodies(self) -> "PolicySettings":
        if self.audit.bodies == "masked" and self.pii.action not in (Action.MASK, Action.BLOCK):
            raise ValueError("audit.bodies: masked needs pii.action: mask or block")
        return self

    @cached_property
    def digest(self) -> str:
        """Digest of the policy in force, for the audit record."""
        return digest(_without_floats(self.model_dump(mode="json")))


def _without_floats(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: _without_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_floats(item) for item in value]
    return value
