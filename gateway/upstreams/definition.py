"""What an administrator may say about an upstream, and what is checked before it is stored.

A name that leads to a forbidden address is stored like any other: saying so here would tell
what names within the network lead to. The connection is what is refused.
"""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.egress import AddressRules, Sovereignty, Trust, check_url
from gateway.egress.errors import EgressError
from gateway.settings import (
    DialectName,
    EffortName,
    GenerationName,
    RepairName,
    Section,
    Settings,
    Slug,
    UpstreamSettings,
)
from gateway.upstreams.errors import UpstreamDefinitionError, UpstreamInFile

Url = Annotated[str, Field(max_length=2000)]
Model = Annotated[str, Field(min_length=1, max_length=200)]


class UpstreamSpec(Section):
    """An upstream of the database: what the settings file takes, less what reads local files."""

    name: Slug = Field(description="Name, unique; shown in headers, records and reports.")
    kind: Literal["pool", "openai"] = Field(
        description="`pool`: workers, vLLM or SGLang; `openai`: one OpenAI-compatible server."
    )
    zone: Slug = Field(description="Residency zone; policies allow zones.")
    models: list[Model] = Field(min_length=1, max_length=200, description="Model names served.")
    workers: list[Url] = Field(
        default=[], max_length=64, description="`pool`: base URLs without `/v1`."
    )
    base_url: Url | None = Field(default=None, description="`openai`: base URL ending in `/v1`.")
    api_key_env: str | None = Field(
        default=None,
        pattern=r"^[A-Z][A-Z0-9_]{0,99}$",
        description="Environment variable of the gateway with the API key; its name begins with"
        " `egress.key_env_prefix`.",
    )
    dialect: DialectName | None = Field(
        default=None, description="What the backend understands; null: as fits kind and host."
    )
    generation: GenerationName | None = Field(
        default=None, description="Which DeepSeek-V4 checkpoint a self-hosted engine serves."
    )
    efforts: dict[EffortName, Model] = Field(
        default={}, description="The backend's word for an effort, where the dialect's is not it."
    )
    repair: list[RepairName] | None = Field(
        default=None, description="What is put right in answers; null: as fits the dialect."
    )
    continuous_usage: bool | None = Field(
        default=None, description="Ask for token counts within streams; null: for pools."
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Seconds to connect.")
    read_timeout_s: float = Field(default=120.0, gt=0, le=3600, description="Longest silence.")
    total_timeout_s: float = Field(default=600.0, gt=0, le=7200, description="Of one answer.")
    retries: int = Field(default=1, ge=0, le=5, description="Further attempts.")

    @model_validator(mode="after")
    def _addresses(self) -> "UpstreamSpec":
        has_url, has_workers = self.base_url is not None, bool(self.workers)
        if (has_url, has_workers) != ((False, True) if self.kind == "pool" else (True, False)):
            raise ValueError("a pool has workers and no base_url; openai has base_url, no workers")
        return self

    @property
    def urls(self) -> list[str]:
        return self.workers or [self.base_url or ""]

    def settings(self) -> UpstreamSettings:
        return UpstreamSettings(**self.model_dump())


class DefinitionRules:
    """Judges definitions for one deployment."""

    def __init__(self, settings: Settings) -> None:
        self._egress = settings.egress
        self._sovereignty = Sovereignty.of(settings)
        self._in_file: Collection[str] = frozenset(each.name for each in settings.upstreams)

    def addresses(self, spec: UpstreamSpec) -> AddressRules:
        return AddressRules.of(self._egress, Trust.ADMINISTRATOR, spec.zone)

    def is_in_file(self, name: str) -> bool:
        return name in self._in_file

    def check(self, spec: UpstreamSpec) -> None:
        """Raises: UpstreamInFile, ForeignZone, InvalidUrl, AddressForbidden,
        UpstreamDefinitionError: its key's variable is not one for keys."""
        if self.is_in_file(spec.name):
            raise UpstreamInFile
        self._sovereignty.check(spec.zone)
        prefix = self._egress.key_env_prefix
        if spec.api_key_env is not None and not spec.api_key_env.startswith(prefix):
            # Otherwise any secret of this process could be sent to a server of one's choice.
            raise UpstreamDefinitionError(
                f"The variable of an upstream's key must have a name that begins with {prefix}.",
                param="api_key_env",
            )
        rules = self.addresses(spec)
        for url in spec.urls:
            try:
                check_url(url, rules)
            except EgressError as error:
                param = "workers" if spec.workers else "base_url"
                raise type(error)(error.message, param=param) from None
