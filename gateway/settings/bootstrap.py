"""What is created at start if it is missing."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from gateway.settings.section import Section, Slug


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
