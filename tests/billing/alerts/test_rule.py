"""What a rule of alerts may hold."""

from typing import Any

import pytest

from billing import AlertRule
from billing.errors import InvalidBudget


def test_a_rule_as_it_is_stored() -> None:
    rule = AlertRule((80, 50), ("finance",), ("cfo@example.com",))
    assert rule.stored == {
        "thresholds": [50, 80],
        "webhooks": ["finance"],
        "emails": ["cfo@example.com"],
    }
    assert AlertRule.of(rule.stored) == AlertRule((50, 80), ("finance",), ("cfo@example.com",))
    assert (AlertRule().stored, AlertRule.of(None), AlertRule.of({})) == (None,) + 2 * (
        AlertRule(),
    )


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ({"thresholds": (0,)}, "thresholds"),
        ({"thresholds": (1001,)}, "thresholds"),
        ({"thresholds": (50, 50)}, "thresholds"),
        ({"thresholds": (50.5,)}, "thresholds"),
        ({"thresholds": (True,)}, "thresholds"),
        ({"thresholds": tuple(range(1, 12))}, "thresholds"),
        ({"webhooks": ("finance",)}, "thresholds"),
        ({"thresholds": (50,), "webhooks": ("a", "a")}, "webhooks"),
        ({"thresholds": (50,), "emails": ("nobody",)}, "emails"),
        ({"thresholds": (50,), "emails": ("a@b\r\nBcc: c@d",)}, "emails"),
    ],
)
def test_what_is_refused(parts: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidBudget) as caught:
        AlertRule(**parts)
    assert caught.value.param == f"alerts.{param}"


def test_webhooks_are_those_of_the_settings() -> None:
    rule = AlertRule((50,), ("finance",))
    rule.require_known(frozenset({"finance", "ops"}))
    with pytest.raises(InvalidBudget):
        rule.require_known(frozenset({"ops"}))
