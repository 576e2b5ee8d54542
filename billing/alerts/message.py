"""What an alert says: JSON for programs, a few lines for people. It names no end user."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from core.clock import isoformat
from core.money import format_amount

EVENT = "budget.threshold"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """A threshold that was reached, with its budget and period.

    ``owner`` is a tenant, or ``@`` and an organisation.
    """

    id: str
    at: datetime
    threshold: int
    spent: Decimal
    limit: Decimal
    currency: str
    owner: str
    budget_id: str
    scope: str
    scope_id: str
    hard: bool
    period: str
    starts_at: datetime
    ends_at: datetime | None

    @property
    def organisation(self) -> str | None:
        return self.owner[1:] if self.owner.startswith("@") else None

    @property
    def tenant(self) -> str | None:
        return None if self.owner.startswith("@") else self.owner

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "event": EVENT,
            "at": isoformat(self.at),
            "organisation": self.organisation,
            "tenant": self.tenant,
            "budget": {
                "id": self.budget_id,
                "scope": self.scope,
                "scope_id": None if self.scope == "end_user" else self.scope_id,
                "period": self.period,
                "hard": self.hard,
            },
            "period": {
                "starts_at": isoformat(self.starts_at),
                "ends_at": isoformat(self.ends_at) if self.ends_at else None,
            },
            "threshold_percent": self.threshold,
            "spent": format_amount(self.spent),
            "limit": format_amount(self.limit),
            "currency": self.currency,
        }


def body(facts: AlertFacts) -> bytes:
    """The body of the POST."""
    return json.dumps(facts.to_json(), ensure_ascii=False, separators=(",", ":")).encode()


def mail(facts: AlertFacts, sender: str, recipient: str) -> EmailMessage:
    """One message to one address, so that nobody reads the addresses of others."""
    message = EmailMessage()
    message["From"], message["To"] = sender, recipient
    message["Subject"] = f"Budget at {facts.threshold} %: {_subject(facts)}"
    message["Date"] = format_datetime(facts.at)
    message["Message-ID"] = f"<{facts.id}@budgets.sovgate>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(facts))
    return message


def _subject(facts: AlertFacts) -> str:
    if facts.organisation:
        return f"organisation {facts.organisation}"
    part = {"tenant": "", "end_user": ", an end user"}
    return f"tenant {facts.tenant}{part.get(facts.scope, f', {facts.scope} {facts.scope_id}')}"


def _text(facts: AlertFacts) -> str:
    amounts = f"{format_amount(facts.spent)} of {format_amount(facts.limit)} {facts.currency}"
    ends = f"It starts anew at {isoformat(facts.ends_at)}." if facts.ends_at else ""
    at_the_limit = (
        "At its limit it refuses requests."
        if facts.hard
        else "It only reports, and refuses nothing."
    )
    return (
        f"The budget of {_subject(facts)} (per {facts.period}) has reached {facts.threshold} %: "
        f"{amounts}, at {isoformat(facts.at)}.\n\n{at_the_limit} {ends}".rstrip()
        + f"\n\nBudget {facts.budget_id}, alert {facts.id}.\n"
    )
