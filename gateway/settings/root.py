"""The settings as a whole."""

from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.settings.audit import AuditSettings
from gateway.settings.batches import BatchSettings, FileSettings, IdempotencySettings
from gateway.settings.billing import BillingSettings, InvoicingSettings
from gateway.settings.bootstrap import BootstrapSettings
from gateway.settings.caching import CachingSettings
from gateway.settings.egress import EgressSettings
from gateway.settings.jobs import AlertSettings, JobsSettings
from gateway.settings.policies import PolicySettings
from gateway.settings.prices import PriceBookSettings, PriceSettings
from gateway.settings.server import (
    DatabaseSettings,
    GuardSettings,
    LimitSettings,
    RedisSettings,
    SecuritySettings,
    ServerSettings,
    VaultSettings,
)
from gateway.settings.telemetry import TelemetrySettings
from gateway.settings.upstreams import TierName, TierSettings, UpstreamSettings


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
