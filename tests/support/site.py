"""A deployment that mixed traffic can be sent to: every model priced, one tenant without money."""

import os
from pathlib import Path
from typing import Any

from support.deployment import KEYS, Capture, settings
from support.traffic import MODELS, Site

POOR_KEY = "sov-poor-key-for-tests-only"


def site_settings(directory: Path, capture: Capture, **overrides: Any) -> dict[str, Any]:
    """``support.deployment.settings`` for ``support.traffic``; overrides by section.

    An upstream is asked once, so that it sees each request id once.
    """
    os.environ["SOV_KEY_POOR"] = POOR_KEY  # the gateway inherits it
    content = settings(directory, capture.url, **overrides)
    content["upstreams"] = [
        {
            "name": "capture",
            "kind": "openai",
            "base_url": f"{capture.url}/v1",
            "zone": "onprem",
            "models": [*MODELS, "rejecting-model", "quoting-model", "telling-model"],
            "retries": 0,
        }
    ]
    content["prices"] = [
        {"model": model, "effective_from": "2026-01-01", "input": "0.15", "output": "0.60"}
        for model in MODELS
    ]
    for tenant in content["bootstrap"]["tenants"]:
        tenant["budget"]["limit_usd"] = "1000.00"
        # Of killed gateways, the requests at the same time count for a quarter of an hour.
        del tenant["limits"]["parallel"]
    content["bootstrap"]["tenants"].append(
        {
            "name": "poor",
            "budget": {"limit_usd": "0", "period": "total", "hard": True},
            "keys": [{"name": "app", "env": "SOV_KEY_POOR"}],
        }
    )
    return content


def site_at(base_url: str) -> Site:
    """Where and as whom ``support.traffic`` sends."""
    return Site(base_url, tuple(KEYS.values()), POOR_KEY)
