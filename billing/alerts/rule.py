"""What a budget's alerts are: at which percentages, and whom to tell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billing.errors import InvalidBudget

MAX_PERCENT = 1000  # a soft budget may be passed many times over
_MOST = 10  # of thresholds, webhooks or addresses each
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}")


@dataclass(frozen=True, slots=True)
class AlertRule:
    """Thresholds in percent of the effective limit; without any there are no alerts.

    Args:
        webhooks: names of the settings' webhooks.
        emails: addresses. With neither an alert is only listed.

    Raises:
        InvalidBudget: ``param`` names the part.
    """

    thresholds: tuple[int, ...] = ()
    webhooks: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("thresholds", "webhooks", "emails"):
            values: Sequence[Any] = getattr(self, name)
            if len(values) > _MOST or len(set(values)) != len(values):
                raise InvalidBudget(
                    f"Name at most {_MOST} {name}, each once.", param=f"alerts.{name}"
                )
        if any(type(t) is not int or not 1 <= t <= MAX_PERCENT for t in self.thresholds):
            raise InvalidBudget(
                f"A threshold is a whole percentage from 1 to {MAX_PERCENT}.",
                param="alerts.thresholds",
            )
        if not all(_EMAIL.fullmatch(address) for address in self.emails):
            raise InvalidBudget("One of the addresses is none.", param="alerts.emails")
        if (self.webhooks or self.emails) and not self.thresholds:
            raise InvalidBudget(
                "Say at which percentages to alert, such as 50, 80 and 100.",
                param="alerts.thresholds",
            )

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "AlertRule":
        """From ``Budget.alerts``."""
        if not stored:
            return cls()
        thresholds = tuple(sorted(stored.get("thresholds", ())))
        return cls(thresholds, tuple(stored.get("webhooks", ())), tuple(stored.get("emails", ())))

    def require_known(self, webhooks: frozenset[str]) -> None:
        """Raises ``InvalidBudget`` for a webhook that the settings do not have."""
        if not webhooks.issuperset(self.webhooks):
            raise InvalidBudget(
                "A webhook is named in the settings file first (alerts.webhooks).",
                param="alerts.webhooks",
            )

    def to_json(self) -> dict[str, Any]:
        return {
            "thresholds": sorted(self.thresholds),
            "webhooks": list(self.webhooks),
            "emails": list(self.emails),
        }

    @property
    def stored(self) -> dict[str, Any] | None:
        """As ``Budget.alerts``."""
        return self.to_json() if self.thresholds else None
