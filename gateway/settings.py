"""The deployment's settings: one YAML file, validated at start.

Order of precedence: environment (``SOVGATE_SECTION__FIELD``), then the file,
then the defaults here. Secrets are never in the file: it names the environment
variables that hold them. ``docs/configuration.md`` is generated from this
module (``python -m gateway.settings_docs``).
"""

import os
import re
from datetime import date
from decimal import Decimal
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariable

from core.canonical import digest
from core.yaml_text import InvalidYaml, read_yaml
from gateway.errors import SettingsError
from gateway.settings_batches import BatchSettings, FileSettings, IdempotencySettings
from gateway.settings_caching import CachePolicy, CachingSettings
from gateway.settings_resilience import FallbackSettings, ResilienceSettings
from gateway.settings_section import Section
from gateway.settings_telemetry import TelemetrySettings
from guardrails.pii.custom.definition import MAX_RECOGNIZERS, AllowList, RecognizerSpec
from guardrails.pii.masking.modes import parse_modes
from guardrails.types import Action, MaskMode

TierName = Literal["instant", "flash", "non-think", "think-high", "think-max"]
TIER_NAMES: tuple[TierName, ...] = ("instant", "flash", "non-think", "think-high", "think-max")
TIER_ALIASES: dict[str, TierName] = {"think": "think-high"}
DEFAULT_CONFIG_PATHS = (Path("sovgate.yaml"), Path(".sovgate/sovgate.yaml"))

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class ServerSettings(Section):
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port; 0 picks a free one.")
    workers: int = Field(
        default=1, ge=1, le=64, description="Gateway processes; more than one needs `redis.url`."
    )
    max_body_bytes: int = Field(
        default=8 * 1024 * 1024,
        ge=1024,
        description="Largest request body; beyond it the answer is 413.",
    )
    shutdown_grace_s: int = Field(
        default=30, ge=0, description="Seconds that running streams get to finish at shutdown."
    )
    secure_cookies: bool = Field(
        default=False,
        description="Mark admin cookies Secure; set it wherever the UI is behind HTTPS.",
    )
    trusted_proxies: list[str] = Field(
        default=[],
        description="Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are"
        " believed, such as `10.0.0.0/8`; without them every client could name its own.",
    )
    max_connections: int = Field(
        default=4096, ge=1, description="Clients a process serves at a time; beyond it: 503."
    )
    max_header_bytes: int = Field(
        default=32 * 1024,
        ge=1024,
        description="Largest request head (431), half of it for the address alone (414).",
    )
    header_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds until a request's head must be whole."
    )
    body_timeout_s: float = Field(
        default=60.0, gt=0, description="Seconds from then until its body must be whole."
    )
    write_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds that a client may leave unread what was sent to it before the"
        " connection is closed and its request settled.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            if ip_network(proxy, strict=False).prefixlen == 0:
                raise ValueError("name the proxies, not the whole network")
        return proxies


class DatabaseSettings(Section):
    url: str = Field(
        default="sqlite+aiosqlite:///./data/sovgate.db",
        description="`sqlite+aiosqlite:///FILE` or `postgresql+asyncpg://USER:PASSWORD@HOST/NAME`"
        " (from the environment where it holds a password).",
    )
    pool_size: int = Field(
        default=10, ge=1, description="Connections a process keeps on PostgreSQL."
    )
    timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="Longest that a request waits for the database; one that takes longer counts"
        " as away. Giving up a connection takes up to two seconds more.",
    )
    start_timeout_s: float = Field(
        default=60.0,
        ge=0,
        description="How long a start waits for a database that does not answer yet.",
    )

    @field_validator("url")
    @classmethod
    def _known_driver(cls, url: str) -> str:
        if not url.startswith(("sqlite+aiosqlite://", "postgresql+asyncpg://")):
            raise ValueError("use sqlite+aiosqlite:///FILE or postgresql+asyncpg://...")
        return url


class RedisSettings(Section):
    url: str | None = Field(
        default=None,
        description="`redis://...` of Redis or Valkey: shared limits and the job queue.",
    )


class AuditStreamSettings(Section):
    """A receiver of audit records as they come."""

    url: str = Field(
        description="`tcp://HOST:PORT` or `tls://HOST:PORT`: syslog (RFC 5424, octet counting);"
        " `https://HOST/v1/logs`: an OpenTelemetry collector (OTLP, JSON)."
    )
    tenants: list[str] | None = Field(
        default=None, description="Only theirs; null: all, and `_system` for what is no tenant's."
    )
    past: bool = Field(
        default=False, description="Begin with the oldest records; false: with those to come."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust (PEM) in place of the system's."
    )
    client_cert_file: Path | None = Field(
        default=None, description="Our own certificate (PEM), where the receiver wants one."
    )
    client_key_file: Path | None = Field(
        default=None, description="Its key, if that is not in the same file."
    )
    authorization_env: str | None = Field(
        default=None,
        description="Environment variable with the value of the header `Authorization` (OTLP).",
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        parts = urlsplit(url)
        known = parts.scheme in ("tcp", "tls", "http", "https")
        if not known or not parts.hostname or (parts.scheme in ("tcp", "tls") and not parts.port):
            raise ValueError("use tcp://HOST:PORT, tls://HOST:PORT or https://HOST/v1/logs")
        return url


class AuditAnchorSettings(Section):
    kind: Literal["file", "rfc3161", "witness"] = Field(
        description="A file that only grows, a time-stamping authority, or a second party that"
        " counter-signs."
    )
    path: Path | None = Field(
        default=None, description="Of a `file`: on storage that keeps what is written (WORM)."
    )
    url: str | None = Field(
        default=None, description="Of the authority or the witness: `http://...` or `https://...`."
    )
    ca_file: Path | None = Field(
        default=None, description="Of an `rfc3161`: certificates (PEM) that its tokens lead to."
    )
    public_key_file: Path | None = Field(
        default=None, description="Of a `witness`: its Ed25519 public key (PEM or hex digits)."
    )
    every_s: int = Field(
        default=0,
        ge=0,
        description="Least seconds between two of one chain; 0: after each checkpoint.",
    )
    timeout_s: float = Field(default=10.0, gt=0, description="Seconds to wait for an answer.")

    @model_validator(mode="after")
    def _complete(self) -> "AuditAnchorSettings":
        needed = {
            "file": {"path"},
            "rfc3161": {"url", "ca_file"},
            "witness": {"url", "public_key_file"},
        }[self.kind]
        given = {
            name
            for name in ("path", "url", "ca_file", "public_key_file")
            if getattr(self, name) is not None
        }
        if given != needed:
            raise ValueError(f"an anchor of kind {self.kind} takes {' and '.join(sorted(needed))}")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError("use http://... or https://...")
        return self


class AuditSettings(Section):
    signing_key_file: Path | None = Field(
        default=None,
        description="Ed25519 private key (PEM); made in `data_dir` at first start if null.",
    )
    checkpoint_interval_s: int = Field(
        default=60, ge=1, description="Seconds between signed checkpoints of each tenant's chain."
    )
    min_free_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=0,
        description="Free disk below which requests are refused with 503, so that no record"
        " is lost.",
    )
    client_address: bool = Field(
        default=False, description="Write client addresses into audit records."
    )
    retention_days: int | None = Field(
        default=None,
        ge=1,
        description="Days that records are kept, where a policy does not say otherwise; null: for"
        " ever. Removed are records that a checkpoint covers, from the oldest on.",
    )
    max_stored_body_bytes: int = Field(
        default=64 * 1024,
        ge=1024,
        le=1024 * 1024,
        description="Most that is stored of a prompt, and of an answer, where a policy stores"
        " bodies; the rest is cut off, and the record says so.",
    )
    require_reason: bool = Field(
        default=False,
        description="Refuse administrative changes without a reason: the header"
        " `x-sovgate-reason`, or `--reason`.",
    )
    streams: dict[Slug, AuditStreamSettings] = Field(
        default={}, description="By name: where records go as they come."
    )
    anchors: dict[Slug, AuditAnchorSettings] = Field(
        default={},
        description="By name: who outside is shown each signed checkpoint, so that not even the"
        " holder of the signing key can recompute a chain unseen.",
    )


class SecuritySettings(Section):
    pepper_file: Path | None = Field(
        default=None,
        description="Secret of the keyed hashes of API keys and end users, at least 32 bytes;"
        " made in `data_dir` at first start if null. Replicas must share it.",
    )


class EgressSettings(Section):
    """Upstreams of this file may be anywhere; those that administrators set may not."""

    allow_networks: list[str] = Field(
        default=[],
        description="Private networks, such as `10.1.0.0/16`, in which upstreams set by"
        " administrators may be. Link-local and metadata addresses are open, to upstreams of"
        " this file too, only where a network of those alone is named.",
    )
    zone_networks: dict[Slug, list[str]] = Field(
        default={},
        description="By zone, the only networks in which its upstreams may be, whoever set them;"
        " they may be private ones. Zones that are not named here may be anywhere.",
    )
    key_env_prefix: str = Field(
        default="UPSTREAM_KEY_",
        min_length=4,
        description="How environment variables must begin whose values administrators may have"
        " sent as API keys of their upstreams.",
    )
    sovereign_only: bool = Field(
        default=False,
        description="Refuse to start, and to add an upstream, with anything outside `home_zones`.",
    )
    home_zones: list[Slug] = Field(
        default=["onprem"], min_length=1, description="Zones that `sovereign_only` allows."
    )
    home_hosts: list[str] = Field(
        default=[],
        description="Hosts of webhooks, the mail server, audit streams, anchors and the collector"
        " of telemetry that `sovereign_only` allows.",
    )

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            ip_network(network)
        return networks

    @field_validator("zone_networks")
    @classmethod
    def _networks_of_zones(cls, zones: dict[str, list[str]]) -> dict[str, list[str]]:
        for zone, networks in zones.items():
            if not networks:
                raise ValueError(f"zone {zone} has no network; leave it out, or name one")
            for network in networks:
                ip_network(network)
        return zones


class VaultSettings(Section):
    enabled: bool = Field(
        default=True,
        description="Remember over turns which token or surrogate stands for which value.",
    )
    required: bool = Field(
        default=False,
        description="Refuse requests with personal data (503) while the vault does not answer;"
        " false: serve them with fresh tokens, which may differ from those of earlier turns.",
    )
    ttl_s: int = Field(
        default=7 * 24 * 3600,
        ge=60,
        description="Seconds that a conversation is remembered after its latest turn.",
    )
    master_key_file: Path | None = Field(
        default=None,
        description="Key over all tenants' vault keys, 64 hex digits; made in `data_dir` at first"
        " start if null. Replicas must share it. Erasing changes it.",
    )
    master_key_env: str | None = Field(
        default=None,
        description="Environment variable with that key in place of a file; whoever sets it must"
        " change it after erasing.",
    )
    conversations: int = Field(
        default=10_000, ge=1, description="Conversations that a process holds in memory."
    )


class BillingSettings(Section):
    unpriced: Literal["allow", "refuse"] = Field(
        default="allow",
        description="A model without a price: `allow` serves it at 0 under the price version"
        " `unpriced`, which headers, records and reports show; `refuse` answers 503.",
    )
    reserve: Literal["strict", "learned"] = Field(
        default="strict",
        description="What a request sets aside in hard budgets: `strict`, the most it can cost;"
        " `learned`, half more than the most of a model's last thousand requests. With the"
        " latter a budget can be passed by what a request uses beyond that.",
    )


class SellerSettings(Section):
    name: str = Field(description="Who issues the invoices.", max_length=200)
    address: str = Field(description="In lines.", max_length=1000)
    tax_id: str | None = Field(default=None, description="Such as a VAT number.", max_length=60)
    email: str | None = Field(default=None, description="For questions.", max_length=254)
    payment: str | None = Field(
        default=None, description="How to pay: bank, IBAN; in lines.", max_length=1000
    )
    note: str | None = Field(
        default=None, description="What has to stand on every invoice; in lines.", max_length=2000
    )


Series = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,10}$")]


class InvoicingSettings(Section):
    seller: SellerSettings | None = Field(
        default=None, description="Null: there are drafts, but no invoice can be issued."
    )
    series: Series = Field(default="INV", description="Start of invoice numbers.")
    credit_series: Series = Field(default="CN", description="Start of credit notes' numbers.")
    font: Path | None = Field(
        default=None,
        description="A TrueType file to embed into PDFs, for what DejaVu Sans lacks; null: Chinese,"
        " Japanese and Korean are shown in a font of the reader's.",
    )


class WebhookSettings(Section):
    url: str = Field(description="Where alerts are posted, `https://...`.")
    secret_env: str = Field(
        description="Environment variable with the key of their HMAC-SHA256 signature."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("use https://...")
        return url


class SmtpSettings(Section):
    host: str = Field(description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    starttls: bool = Field(
        default=True, description="Encrypt, with a certificate that is trusted here."
    )
    username_env: str | None = Field(
        default=None, description="Environment variable with the account; null: none."
    )
    password_env: str | None = Field(
        default=None, description="Environment variable with its password."
    )
    sender: str = Field(description="Address that alerts come from.")

    @model_validator(mode="after")
    def _both_or_none(self) -> "SmtpSettings":
        if (self.username_env is None) != (self.password_env is None):
            raise ValueError("name both username_env and password_env, or neither")
        return self


class AlertSettings(Section):
    """Budgets name webhooks of these: no administrator can send the gateway elsewhere."""

    webhooks: dict[Slug, WebhookSettings] = Field(default={}, description="By name.")
    smtp: SmtpSettings | None = Field(default=None, description="For alerts as e-mail.")


class JobsSettings(Section):
    scheduled: bool = Field(
        default=True, description="Whether jobs run without being asked for, as `schedule` says."
    )
    schedule: dict[str, str] = Field(
        default={},
        description="Other times by kind of job (docs/jobs.md lists them), in UTC: `every 5m`,"
        " `daily 02:00`, `monthly 1 04:00` or `off`.",
    )
    retention_days: int = Field(
        default=30,
        ge=1,
        description="Days that finished jobs, their files and alerts of ended periods are kept.",
    )

    @field_validator("schedule")
    @classmethod
    def _times(cls, schedule: dict[str, str]) -> dict[str, str]:
        from billing.errors import InvalidSchedule
        from billing.jobs.schedule import Schedule

        try:
            Schedule(schedule)
        except InvalidSchedule as error:
            raise ValueError(error.message) from None
        return schedule


class LimitSettings(Section):
    max_output_tokens: int = Field(
        default=4096, ge=1, description="Output limit sent upstream where the client sets none."
    )
    max_messages: int = Field(default=2000, ge=1, description="Most messages a request may hold.")
    max_upload_bytes: int = Field(
        default=32 * 1024 * 1024,
        ge=1024,
        description="Largest form with audio or images; beyond it the answer is 413. It is held in"
        " memory while the request lasts.",
    )


class GuardSettings(Section):
    processes: Annotated[int, Field(ge=0, le=64)] = Field(
        default=1,
        description="Processes for long texts, started with the first; 0: none, all in a thread.",
    )
    ner: Literal["sovgate", "spacy", "transformers", "none"] = Field(
        default="sovgate",
        description="Who finds names: our taggers, spaCy's English model, `ner_model`, nobody.",
    )
    ner_model: Path | None = Field(
        default=None,
        description="Folder of a token-classification model; needs `transformers` and `torch`.",
    )
    cached_findings: int = Field(
        default=50_000,
        ge=1,
        description="Findings of texts seen before that a process remembers, about 0.3 KB each.",
    )

    @model_validator(mode="after")
    def _model_where_one_is_needed(self) -> "GuardSettings":
        if self.ner == "transformers" and (self.ner_model is None or not self.processes):
            raise ValueError("ner: transformers needs ner_model, and processes of 1 or more")
        return self


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


def _no_floats(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError('write amounts as text, such as "0.15": floats are not exact')
    return value


Exact = Annotated[Decimal, BeforeValidator(_no_floats), Field(ge=0)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class ClassPrices(Section):
    """Prices by class that take the place of a version's own."""

    input: Exact | None = Field(default=None, description="Uncached input.")
    cached_input: Exact | None = Field(default=None, description="Cached input.")
    cache_write: Exact | None = Field(default=None, description="Written into a cache.")
    output: Exact | None = Field(default=None, description="Output.")
    reasoning: Exact | None = Field(default=None, description="Reasoning.")
    guard: Exact | None = Field(default=None, description="Of guards that are models.")
    embedding: Exact | None = Field(default=None, description="Embedded input.")
    worker_second: Exact | None = Field(default=None, description="Per worker-second.")


class PriceWindowSettings(ClassPrices):
    name: str = Field(description="Shown on bills, such as `peak`.", max_length=40)
    hours: list[str] = Field(min_length=1, description="Local hours, such as `09:00-12:00`.")
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        default=["mon", "tue", "wed", "thu", "fri", "sat", "sun"], description="Days of the week."
    )
    timezone: str = Field(default="UTC", description="Of the hours, such as `Asia/Shanghai`.")
    holidays: str | None = Field(
        default=None, description="Calendar of days on which the window does not hold."
    )
    factor: Exact = Field(default=Decimal(1), description="On token prices that it does not state.")


class PriceStepSettings(ClassPrices):
    above: int = Field(ge=1, description="Holds for prompts of more tokens than this.")
    factor: Exact = Field(default=Decimal(1), description="On token prices that it does not state.")


class PriceSettings(Section):
    model: str = Field(description="Model name as the upstream serves it.")
    currency: Currency = Field(default="USD", description="Currency of the amounts.")
    effective_from: date | AwareDatetime = Field(description="First day (UTC) or instant.")
    effective_to: date | AwareDatetime | None = Field(
        default=None, description="First day or instant at which it no longer holds."
    )
    input: Exact = Field(description="Per `per` uncached input tokens.")
    cached_input: Exact | None = Field(default=None, description="Null: the input price.")
    cache_write: Exact | None = Field(default=None, description="Null: the input price.")
    output: Exact = Field(description="Per `per` output tokens.")
    reasoning: Exact | None = Field(default=None, description="Null: the output price.")
    guard: Exact | None = Field(default=None, description="Of guards that are models; null: 0.")
    embedding: Exact | None = Field(default=None, description="Null: the input price.")
    worker_second: Exact | None = Field(
        default=None, description="Per second of a self-hosted worker; null: not billed."
    )
    per: int = Field(default=1_000_000, ge=1, description="Tokens that the prices are for.")
    minimum: Exact | None = Field(default=None, description="Least that a request costs.")
    batch: Exact | None = Field(default=None, description="Factor on tokens of batch requests.")
    tenant: str | None = Field(default=None, description="Whose price it is; null: everybody's.")
    served: str | None = Field(
        default=None, description="Version of the model that answers, shown on bills."
    )
    windows: list[PriceWindowSettings] = Field(default=[], description="Hours at other prices.")
    steps: list[PriceStepSettings] = Field(default=[], description="Prices of long prompts.")


class ExchangeRateSettings(Section):
    currency: Currency = Field(description="One unit of this")
    quote: Currency = Field(default="USD", description="is worth `rate` of this.")
    rate: Exact = Field(description="As text.")
    effective_from: date | AwareDatetime = Field(description="First day or instant.")
    source: str | None = Field(default=None, description="Where it was published.")


class AliasSettings(Section):
    name: str = Field(description="Name that applications use.")
    model: str = Field(description="Model whose price it has.")
    effective_from: date | AwareDatetime = Field(description="First day or instant.")
    effective_to: date | AwareDatetime | None = Field(default=None, description="Null: open.")


class CalendarSettings(Section):
    name: str = Field(description="As price windows name it.")
    dates: list[date] = Field(default=[], description="Holidays.")
    country: str | None = Field(
        default=None, description="ISO code; its public holidays count too."
    )
    working_days: list[date] = Field(default=[], description="Days that are no holiday after all.")


class MarkupSettings(Section):
    percent: Exact = Field(description="On the list price.")
    tenant: str | None = Field(default=None, description="Null: every tenant.")
    model: str | None = Field(default=None, description="Null: every model.")
    effective_from: date | AwareDatetime = Field(description="First day or instant.")
    effective_to: date | AwareDatetime | None = Field(default=None, description="Null: open.")


class PriceBookSettings(Section):
    """What the prices need beside themselves."""

    exchange_rates: list[ExchangeRateSettings] = Field(default=[], description="Dated rates.")
    aliases: list[AliasSettings] = Field(default=[], description="Other names of models.")
    calendars: list[CalendarSettings] = Field(default=[], description="Holidays.")
    markups: list[MarkupSettings] = Field(default=[], description="On top of list prices.")


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


class AlertRuleSpec(Section):
    thresholds: list[int] = Field(description="Percentages of the limit, such as 50, 80, 100.")
    webhooks: list[str] = Field(default=[], description="Names of `alerts.webhooks`.")
    emails: list[str] = Field(default=[], description="Addresses.")


class BudgetSpec(Section):
    limit_usd: Decimal = Field(ge=0, description="Most that may be spent in a period, in USD.")
    period: Literal["day", "month", "total"] = Field(
        default="month", description="UTC calendar period."
    )
    hard: bool = Field(default=True, description="Refuse beyond the limit; false: only report.")
    scope: Literal["tenant", "end_user"] = Field(
        default="tenant", description="Of the whole tenant, or of each of its end users."
    )
    alerts: AlertRuleSpec | None = Field(default=None, description="Null: none.")


class LimitsSpec(Section):
    rpm: int | None = Field(default=None, ge=1, description="Requests a minute.")
    tpm: int | None = Field(default=None, ge=1, description="Tokens a minute.")
    parallel: int | None = Field(default=None, ge=1, description="Requests at the same time.")


class KeySpec(Section):
    name: str = Field(description="Name of the key, unique in its tenant.")
    env: str = Field(description="Environment variable with the key's value.")


class TenantSpec(Section):
    name: Slug = Field(description="Identifier, never changed.")
    display_name: str | None = Field(default=None, description="Name for people.")
    policy: str = Field(default="default", description="One of `policies`.")
    organisation: Slug | None = Field(
        default=None, description="Made if missing; its tenants share its budgets."
    )
    budget: BudgetSpec | None = Field(default=None, description="Null: none.")
    budgets: list[BudgetSpec] = Field(default=[], description="More, each of its own kind.")
    limits: LimitsSpec = Field(default=LimitsSpec(), description="Of all its keys together.")
    keys: list[KeySpec] = Field(default=[], description="Keys of its default project.")


class AdminSpec(Section):
    email: str = Field(description="Login of the administrator.")
    password_env: str = Field(description="Environment variable with the first password.")
    role: Literal["owner", "admin", "finance", "auditor", "viewer"] = Field(
        default="owner", description="Role for all tenants."
    )


class BootstrapSettings(Section):
    tenants: list[TenantSpec] = Field(default=[], description="Created at start if missing.")
    admins: list[AdminSpec] = Field(default=[], description="Created at start if missing.")


class Settings(BaseSettings):
    """Everything a gateway process is told. Build it with ``load_settings``."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="SOVGATE_", env_nested_delimiter="__"
    )

    server: ServerSettings = Field(default=ServerSettings(), description="Where it listens.")
    data_dir: Path = Field(
        default=Path("./data"), description="Journal, exports, embedded database, keys."
    )
    database: DatabaseSettings = Field(default=DatabaseSettings(), description="The database.")
    redis: RedisSettings = Field(default=RedisSettings(), description="Redis or Valkey.")
    audit: AuditSettings = Field(default=AuditSettings(), description="Journal and chain.")
    limits: LimitSettings = Field(default=LimitSettings(), description="Bounds of one request.")
    billing: BillingSettings = Field(default=BillingSettings(), description="How to bill.")
    invoicing: InvoicingSettings = Field(
        default=InvoicingSettings(), description="Who issues invoices, and how."
    )
    alerts: AlertSettings = Field(default=AlertSettings(), description="Where alerts go.")
    jobs: JobsSettings = Field(default=JobsSettings(), description="What runs when.")
    guards: GuardSettings = Field(default=GuardSettings(), description="Where guards run.")
    security: SecuritySettings = Field(default=SecuritySettings(), description="Secrets' files.")
    vault: VaultSettings = Field(
        default=VaultSettings(), description="Memory of conversations, sealed."
    )
    egress: EgressSettings = Field(
        default=EgressSettings(), description="Where the gateway may connect to."
    )
    files: FileSettings = Field(default=FileSettings(), description="Bounds of `/v1/files`.")
    batches: BatchSettings = Field(default=BatchSettings(), description="How batches run.")
    idempotency: IdempotencySettings = Field(
        default=IdempotencySettings(), description="Requests that are sent again."
    )
    caching: CachingSettings = Field(
        default=CachingSettings(), description="Memory and time that caches of answers may take."
    )
    telemetry: TelemetrySettings = Field(
        default=TelemetrySettings(), description="Traces and metrics (docs/observability.md)."
    )
    upstreams: list[UpstreamSettings] = Field(default=[], description="Where models run.")
    tiers: dict[TierName, TierSettings] = Field(default={}, description="What backs each tier.")
    prices: list[PriceSettings] = Field(default=[], description="The price book.")
    price_book: PriceBookSettings = Field(
        default=PriceBookSettings(), description="Currencies, aliases, calendars, mark-ups."
    )
    policies: dict[str, PolicySettings] = Field(
        default={"default": PolicySettings()}, description="By name; `default` must be there."
    )
    bootstrap: BootstrapSettings = Field(
        default=BootstrapSettings(), description="Created at start if missing."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @model_validator(mode="after")
    def _names_exist(self) -> "Settings":
        upstreams = {upstream.name: upstream for upstream in self.upstreams}
        if len(upstreams) != len(self.upstreams):
            raise ValueError("two upstreams have the same name")
        for name, tier in self.tiers.items():
            for place in (tier, *tier.fallbacks):
                if place.upstream not in upstreams:
                    raise ValueError(f"tier {name} names the unknown upstream {place.upstream!r}")
                if place.model not in upstreams[place.upstream].models:
                    raise ValueError(
                        f"tier {name}: {place.upstream} does not list model {place.model!r}"
                    )
        if "default" not in self.policies:
            raise ValueError("policies must hold `default`")
        for tenant in self.bootstrap.tenants:
            if tenant.policy not in self.policies:
                raise ValueError(f"tenant {tenant.name} names the unknown policy {tenant.policy!r}")
        if self.server.workers > 1 and self.redis.url is None:
            raise ValueError("server.workers > 1 needs redis.url, so that limits are shared")
        return self


def find_config(path: Path | None = None) -> Path:
    """The configuration file: ``path``, else ``SOVGATE_CONFIG``, else ``sovgate.yaml`` or
    ``.sovgate/sovgate.yaml`` in the working directory.

    Raises:
        SettingsError: if there is none.
    """
    if path is None and os.environ.get("SOVGATE_CONFIG"):
        path = Path(os.environ["SOVGATE_CONFIG"])
    if path is not None:
        if not path.is_file():
            raise SettingsError(f"There is no configuration file {path}.")
        return path
    for candidate in DEFAULT_CONFIG_PATHS:
        if candidate.is_file():
            return candidate
    raise SettingsError(
        "No configuration: pass --config FILE, set SOVGATE_CONFIG, or run `sovgate demo` first."
    )


def load_settings(path: Path | None = None) -> Settings:
    """Read and validate the configuration file (see ``find_config`` for where it is).

    Raises:
        SettingsError: one sentence for each wrong field.
    """
    path = find_config(path)
    try:
        content = read_yaml(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path} cannot be read as UTF-8 text.") from None
    except InvalidYaml as error:
        raise SettingsError(f"{path} is not valid YAML: {error}.") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold sections such as `server:` and `upstreams:`.")
    return parse_settings(content, source=str(path))


def parse_settings(content: dict[str, Any], *, source: str = "settings") -> Settings:
    """Validate a configuration that was read already."""
    if not all(isinstance(name, str) for name in content):
        raise SettingsError(f"{source} must hold sections such as `server:` and `upstreams:`.")
    try:
        return Settings(**content)
    except UnreadableVariable as error:
        raise SettingsError(f"{error}; lists and maps are given as JSON.") from None
    except ValidationError as error:
        lines = [f"  {_location(item['loc'])}: {item['msg']}" for item in error.errors()]
        raise SettingsError(f"{source} is not valid:\n" + "\n".join(lines)) from None


def _location(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in parts) or "settings"


def _without_floats(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: _without_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_floats(item) for item in value]
    return value
