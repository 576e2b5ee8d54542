"""The deployment's settings: one YAML file, validated at start.

Order of precedence: environment (``SOVGATE_SECTION__FIELD``), then the file,
then the defaults here. Secrets are never in the file: it names the environment
variables that hold them. ``docs/configuration.md`` is generated from this
package (``python -m gateway.settings.docs``).
"""

from gateway.settings.audit import AuditAnchorSettings, AuditSettings, AuditStreamSettings
from gateway.settings.batches import BatchSettings, FileSettings, IdempotencySettings
from gateway.settings.billing import BillingSettings, InvoicingSettings, SellerSettings, Series
from gateway.settings.bootstrap import (
    AdminSpec,
    AlertRuleSpec,
    BootstrapSettings,
    BudgetSpec,
    KeySpec,
    LimitsSpec,
    TenantSpec,
)
from gateway.settings.caching import CachePolicy, CachingSettings, SemanticCachePolicy
from gateway.settings.egress import EgressSettings
from gateway.settings.jobs import AlertSettings, JobsSettings, SmtpSettings, WebhookSettings
from gateway.settings.loading import (
    DEFAULT_CONFIG_PATHS,
    find_config,
    load_settings,
    parse_settings,
)
from gateway.settings.policies import (
    AuditPolicy,
    InjectionPolicy,
    MediaPolicy,
    ModerationPolicy,
    PiiPolicy,
    PolicySettings,
    ResponsesPolicy,
    RoutingPolicy,
)
from gateway.settings.prices import (
    AliasSettings,
    CalendarSettings,
    ClassPrices,
    Currency,
    Exact,
    ExchangeRateSettings,
    MarkupSettings,
    PriceBookSettings,
    PriceSettings,
    PriceStepSettings,
    PriceWindowSettings,
)
from gateway.settings.resilience import FallbackSettings, ResilienceSettings
from gateway.settings.root import Settings
from gateway.settings.section import Section, Share, Slug
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
from gateway.settings.upstreams import (
    TIER_ALIASES,
    TIER_NAMES,
    DialectName,
    EffortName,
    GenerationName,
    ParamName,
    RepairName,
    TierName,
    TierSettings,
    UpstreamSettings,
)

__all__ = [
    "DEFAULT_CONFIG_PATHS",
    "TIER_ALIASES",
    "TIER_NAMES",
    "AdminSpec",
    "AlertRuleSpec",
    "AlertSettings",
    "AliasSettings",
    "AuditAnchorSettings",
    "AuditPolicy",
    "AuditSettings",
    "AuditStreamSettings",
    "BatchSettings",
    "BillingSettings",
    "BootstrapSettings",
    "BudgetSpec",
    "CachePolicy",
    "CachingSettings",
    "CalendarSettings",
    "ClassPrices",
    "Currency",
    "DatabaseSettings",
    "DialectName",
    "EffortName",
    "EgressSettings",
    "Exact",
    "ExchangeRateSettings",
    "FallbackSettings",
    "FileSettings",
    "GenerationName",
    "GuardSettings",
    "IdempotencySettings",
    "InjectionPolicy",
    "InvoicingSettings",
    "JobsSettings",
    "KeySpec",
    "LimitSettings",
    "LimitsSpec",
    "MarkupSettings",
    "MediaPolicy",
    "ModerationPolicy",
    "ParamName",
    "PiiPolicy",
    "PolicySettings",
    "PriceBookSettings",
    "PriceSettings",
    "PriceStepSettings",
    "PriceWindowSettings",
    "RedisSettings",
    "RepairName",
    "ResilienceSettings",
    "ResponsesPolicy",
    "RoutingPolicy",
    "Section",
    "SecuritySettings",
    "SellerSettings",
    "SemanticCachePolicy",
    "Series",
    "ServerSettings",
    "Settings",
    "Share",
    "Slug",
    "SmtpSettings",
    "TelemetrySettings",
    "TenantSpec",
    "TierName",
    "TierSettings",
    "UpstreamSettings",
    "VaultSettings",
    "WebhookSettings",
    "find_config",
    "load_settings",
    "parse_settings",
]
