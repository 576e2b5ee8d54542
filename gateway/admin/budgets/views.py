"""What billing knows of budgets, raises and alerts, as the API says it."""

from billing import AlertRule, AlertView, BudgetStatus, RaiseView
from core.money import format_amount
from gateway.admin.budgets.schemas import Alert, AlertRuleBody, Budget, Raise


def budget_view(state: BudgetStatus) -> Budget:
    organisation = state.tenant[1:] if state.tenant.startswith("@") else None
    return Budget.model_validate(
        {
            "id": state.id,
            "tenant": None if organisation else state.tenant,
            "organisation": organisation,
            "scope": state.scope,
            "scope_id": state.scope_id,
            "period": state.period,
            "hard": state.hard,
            "limit_usd": format_amount(state.limit),
            "raised_usd": format_amount(state.raised),
            "raised_until": state.raised_until,
            "spent_usd": format_amount(state.spent),
            "reserved_usd": format_amount(state.leased),
            "remaining_usd": format_amount(state.remaining),
            "alerts": AlertRuleBody.model_validate(state.alerts.to_json()),
            "period_start": state.starts_at,
            "period_end": state.resets_at,
        }
    )


def raise_view(view: RaiseView) -> Raise:
    return Raise.model_validate(
        {
            "id": view.id,
            "budget_id": view.budget_id,
            "amount_usd": format_amount(view.amount),
            "starts_at": view.starts_at,
            "expires_at": view.expires_at,
            "status": view.status,
            "author": view.author,
            "reason": view.reason,
            "created_at": view.created_at,
            "revoked_at": view.revoked_at,
            "revoked_by": view.revoked_by,
        }
    )


def alert_view(view: AlertView) -> Alert:
    return Alert.model_validate(
        {
            "id": view.id,
            "budget_id": view.budget_id,
            "scope": view.scope,
            "scope_id": view.scope_id,
            "end_user": view.end_user,
            "period_start": view.period_start,
            "threshold_percent": view.threshold,
            "spent_usd": format_amount(view.spent),
            "limit_usd": format_amount(view.limit),
            "at": view.at,
            "status": view.status,
            "attempts": view.attempts,
            "sent_at": view.sent_at,
            "error_code": view.error_code,
        }
    )


def alert_rule(body: AlertRuleBody | None) -> AlertRule | None:
    """Raises: InvalidBudget."""
    if body is None:
        return None
    return AlertRule(tuple(body.thresholds), tuple(body.webhooks), tuple(body.emails))
