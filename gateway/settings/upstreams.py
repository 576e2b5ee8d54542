"""Where models run, and what backs each tier."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.settings.resilience import FallbackSettings, ResilienceSettings
from gateway.settings.section import Section, Slug

TierName = Literal["instant", "flash", "non-think", "think-high", "think-max"]
TIER_NAMES: tuple[TierName, ...] = ("instant", "flash", "non-think", "think-high", "think-max")
TIER_ALIASES: dict[str, TierName] = {"think": "think-high"}
DialectName = Literal[
    "openai", "compatible", "deepseek", "vllm", "sglang", "llamacpp", "ollama", "mindie",
    "anthropic", "gemini", "none",
]  # fmt: skip
GenerationName = Literal["v4-preview", "v4", "v4.1"]
EffortName = Literal["minimal", "low", "medium", "high", "xhigh", "max", "ultra"]
RepairName = Literal["dsml", "think", "open-think"]
ParamName = Annotated[str, Field(pattern=r"^(api_version|(aws|vertex|azure|watsonx)_[a-z_]+)$")]


class UpstreamSettings(Section):
    name: Slug = Field(description="Name, unique; shown in headers, records and reports.")
    kind: Literal["pool", "openai", "litellm"] = Field(
        description="`pool`: our workers, vLLM or SGLang; `openai`: one OpenAI-compatible server;"
        " `litellm`: a provider with another dialect."
    )
    zone: Slug = Field(description="Residency zone; policies allow zones.")
    models: list[str] = Field(min_length=1, description="Model names served.")
    workers: list[str] = Field(default=[], description="`pool`: base URLs without `/v1`.")
    base_url: str | None = Field(default=None, description="`openai`: base URL ending in `/v1`.")
    model_prefix: str | None = Field(
        default=None, description="`litellm`: provider, such as `anthropic`."
    )
    api_key_env: str | None = Field(
        default=None, description="Environment variable with the API key."
    )
    dialect: DialectName | None = Field(
        default=None,
        description="What the backend understands: how thinking and effort are said, which fields"
        " it refuses, how it names reasoning (docs/upstreams.md); null: `vllm` for pools, by host"
        " or provider else, and `compatible` for one that nothing is known of.",
    )
    generation: GenerationName | None = Field(
        default=None,
        description="Which DeepSeek-V4 checkpoint a self-hosted engine serves (April; 0731 and"
        " 0813; V4.1): their efforts have different names and texts.",
    )
    efforts: dict[EffortName, str] = Field(
        default={},
        description="The backend's word for an effort of ours, where the dialect's is not it.",
    )
    params: dict[ParamName, str | int | float | bool] = Field(
        default={},
        description="`litellm`: what its provider needs beside the key, such as `api_version`"
        " (Azure), `aws_region_name` (Bedrock), `vertex_project` and `vertex_location` (Vertex)."
        " No address: that is `base_url`.",
    )
    params_env: dict[ParamName, str] = Field(
        default={},
        description="`litellm`: likewise, from environment variables: secrets, such as"
        " `aws_access_key_id`, `aws_secret_access_key`, `vertex_credentials`.",
    )
    repair: list[RepairName] | None = Field(
        default=None,
        description="Put right in answers: `dsml` tool calls of DeepSeek that leak into texts;"
        " `think` tags at the beginning of the content; `open-think`: the prompt opens the tag"
        " already. Null: as fits the dialect.",
    )
    tokenizer: Path | None = Field(
        default=None,
        description="A `tokenizer.json`: counts tokens where the upstream does not; null: a rule"
        " of thumb. Such counts are flagged as estimated.",
    )
    continuous_usage: bool | None = Field(
        default=None,
        description="Ask for token counts within streams, so that an answer that is cut is billed"
        " exactly; null: for pools.",
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, description="Limit to open a connection.")
    read_timeout_s: float = Field(
        default=120.0, gt=0, description="Longest silence of the upstream within an answer."
    )
    total_timeout_s: float = Field(
        default=600.0, gt=0, description="Longest that one answer may take, first byte to last."
    )
    retries: int = Field(
        default=1,
        ge=0,
        le=5,
        description="Further attempts while nothing of the answer has arrived.",
    )
    resilience: ResilienceSettings = Field(
        default=ResilienceSettings(), description="What is done about its failures."
    )

    @model_validator(mode="after")
    def _addresses(self) -> "UpstreamSettings":
        needed = {"pool": "workers", "openai": "base_url", "litellm": "model_prefix"}[self.kind]
        if not getattr(self, needed):
            raise ValueError(f"upstream {self.name!r} of kind {self.kind} needs `{needed}`")
        return self

    @model_validator(mode="after")
    def _params_of_providers(self) -> "UpstreamSettings":
        if self.kind != "litellm" and (self.params or self.params_env):
            raise ValueError(f"upstream {self.name!r}: only kind litellm has `params`")
        for name in self.params:
            if re.search(r"key|secret|token|credential|password", name):
                raise ValueError(f"upstream {self.name!r}: {name} belongs into `params_env`")
        for name in {*self.params, *self.params_env}:
            if re.search(r"endpoint|base|url|host", name):
                raise ValueError(f"upstream {self.name!r}: the address is `base_url`, not {name}")
        return self

    @property
    def asks_continuous_usage(self) -> bool:
        return self.kind == "pool" if self.continuous_usage is None else self.continuous_usage


class TierSettings(Section):
    upstream: str = Field(description="Name of the upstream.")
    model: str = Field(description="A model of that upstream.")
    thinking: bool = Field(default=False, description="Turn the model's thinking mode on.")
    effort: Literal["low", "high", "max"] | None = Field(
        default=None, description="Reasoning effort."
    )
    fallbacks: list[FallbackSettings] = Field(
        default=[],
        max_length=5,
        description="Where the tier's requests go, in this order, when that upstream fails before"
        " it answers; each within the zones of the tenant's policy.",
    )
