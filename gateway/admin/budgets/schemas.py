"""Bodies of the endpoints of budgets, raises and alerts."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from gateway.admin.schemas import Amount, AmountIn, Email, Instant, Schema

Threshold = Annotated[int, Field(ge=1, le=1000, strict=True)]


class BudgetScope(StrEnum):
    ORGANISATION = "organisation"
    TENANT = "tenant"
    PROJECT = "project"
    KEY = "key"
    END_USER = "end_user"


class PartScope(StrEnum):
    """What a budget of a tenant can bound."""

    TENANT = "tenant"
    PROJECT = "project"
    KEY = "key"
    END_USER = "end_user"


class BudgetPeriod(StrEnum):
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class AlertRuleBody(Schema):
    """When to alert whom. Without thresholds there are no alerts."""

    thresholds: list[Threshold] = Field(
        max_length=10, description="Percentages of the limit.", examples=[[50, 80, 100]]
    )
    webhooks: list[str] = Field(
        default=[], max_length=10, description="Names of the settings' `alerts.webhooks`."
    )
    emails: list[Email] = Field(default=[], max_length=10)


class Budget(Schema):
    id: str = Field(examples=["bud_01k9..."])
    tenant: str | None = Field(description="Null for an organisation's.", examples=["acme"])
    organisation: str | None = Field(description="Null for a tenant's.")
    scope: BudgetScope
    scope_id: str = Field(
        description="What the budget bounds: organisation, tenant, project, key, or the"
        " pseudonym of an end user (`*`: each of them).",
        examples=["acme"],
    )
    period: BudgetPeriod
    hard: bool = Field(description="A hard budget refuses requests, a soft one only reports.")
    limit_usd: Amount
    raised_usd: Amount = Field(description="Active raises, on top of the limit.")
    raised_until: Instant | None = Field(description="When the first of them ends.")
    spent_usd: Amount = Field(
        description="Settled in the present period; of each end user's budget: by the one who"
        " spent most."
    )
    reserved_usd: Amount = Field(
        description="Lent to gateways: for requests under way and the next ones."
    )
    remaining_usd: Amount = Field(
        description="Limit and raises minus spent; can be negative when soft."
    )
    alerts: AlertRuleBody
    period_start: Instant
    period_end: Instant | None = Field(description="Null for a budget without periods.")


class BudgetList(Schema):
    items: list[Budget]


class OrganisationBudgetCreate(Schema):
    """A budget that all tenants of an organisation share."""

    period: BudgetPeriod = BudgetPeriod.MONTH
    limit_usd: AmountIn
    hard: bool = Field(default=True, strict=True)
    alerts: AlertRuleBody | None = Field(default=None, description="Null: none.")


class BudgetCreate(OrganisationBudgetCreate):
    """A budget of the whole tenant needs a global role."""

    scope: PartScope = PartScope.TENANT
    scope_id: str | None = Field(
        default=None,
        max_length=64,
        description="Project, key, or an end user's pseudonym (`*`: each end user on their"
        " own); null for the tenant itself.",
    )
    end_user: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        description="In place of `scope_id`: the end user as the application names it in"
        " `user`. Only its pseudonym is kept.",
    )


class BudgetUpdate(Schema):
    """Only the fields that are sent change."""

    limit_usd: AmountIn | None = None
    hard: bool | None = Field(default=None, strict=True)
    alerts: AlertRuleBody | None = Field(
        default=None, description="Replaces all; empty thresholds end them."
    )
    reason: str | None = Field(
        default=None, max_length=500, description="Kept in the audit trail; no personal data."
    )


class Raise(Schema):
    id: str = Field(examples=["rai_01k9..."])
    budget_id: str
    amount_usd: Amount
    starts_at: Instant
    expires_at: Instant
    status: Literal["scheduled", "active", "expired", "revoked"]
    author: str = Field(description="Account that gave it; `cli` for the command line.")
    reason: str | None
    created_at: Instant
    revoked_at: Instant | None
    revoked_by: str | None


class RaiseList(Schema):
    items: list[Raise]


class RaiseCreate(Schema):
    amount_usd: AmountIn = Field(description="On top of the limit; more than 0.")
    expires_at: Instant
    starts_at: Instant | None = Field(default=None, description="Null: now.")
    reason: str | None = Field(default=None, max_length=200, description="No personal data.")


class Alert(Schema):
    id: str = Field(examples=["alr_01k9..."])
    budget_id: str
    scope: BudgetScope
    scope_id: str
    end_user: str | None = Field(description="Whose balance it is, of an end user's budget.")
    period_start: Instant
    threshold_percent: int
    spent_usd: Amount
    limit_usd: Amount = Field(description="With the raises of that moment.")
    at: Instant
    status: Literal["pending", "sent", "failed"]
    attempts: int
    sent_at: Instant | None
    error_code: str | None = Field(description="Of the last attempt, if it failed.")


class AlertList(Schema):
    items: list[Alert]
    webhooks: list[str] = Field(description="Names that a budget may alert.")
