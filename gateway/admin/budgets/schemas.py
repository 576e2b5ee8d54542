"""Bodies of the budget endpoints."""

from enum import StrEnum

from pydantic import Field

from gateway.admin.schemas import Amount, AmountIn, Instant, Schema


class BudgetScope(StrEnum):
    TENANT = "tenant"
    PROJECT = "project"
    KEY = "key"


class BudgetPeriod(StrEnum):
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class Budget(Schema):
    id: str = Field(examples=["bud_01k9..."])
    tenant: str = Field(examples=["acme"])
    scope: BudgetScope
    scope_id: str = Field(
        description="The tenant, project or key that the budget bounds.", examples=["acme"]
    )
    period: BudgetPeriod
    hard: bool = Field(description="A hard budget refuses requests, a soft one only reports.")
    limit_usd: Amount
    spent_usd: Amount = Field(description="Settled in the present period.")
    reserved_usd: Amount = Field(
        description="Lent to gateways: for requests under way and the next ones."
    )
    remaining_usd: Amount = Field(description="Limit minus spent; can be negative when soft.")
    period_start: Instant
    period_end: Instant | None = Field(description="Null for a budget without periods.")


class BudgetList(Schema):
    items: list[Budget]


class BudgetCreate(Schema):
    """A budget of the whole tenant needs a global role."""

    scope: BudgetScope = BudgetScope.TENANT
    scope_id: str | None = Field(
        default=None, max_length=64, description="Project or key; the tenant itself where null."
    )
    period: BudgetPeriod = BudgetPeriod.MONTH
    limit_usd: AmountIn
    hard: bool = Field(default=True, strict=True)


class BudgetUpdate(Schema):
    """Only the fields that are sent change."""

    limit_usd: AmountIn | None = None
    hard: bool | None = Field(default=None, strict=True)
    reason: str | None = Field(
        default=None, max_length=500, description="Kept in the audit trail; no personal data."
    )
