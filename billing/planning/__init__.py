"""``sovgate plan``: devices, costs and break-even of serving DeepSeek-V4 oneself.

Throughput and prices are other people's published figures (``published.yaml``); a figure that
nobody published is asked for, never made up. Knows neither the settings nor the command line.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billing.planning.apis import ApiOption, find_api, own_apis
    from billing.planning.costs import BreakEven
    from billing.planning.plan import Option, Plan, make_plan
    from billing.planning.plot import draw_plan
    from billing.planning.published import Published, Source, Throughput, load_published
    from billing.planning.repository import hourly_usage
    from billing.planning.sizing import Fleet, Requirements
    from billing.planning.workload import (
        HourlyUsage,
        Workload,
        measured_workload,
        stated_workload,
    )

__all__ = [
    "ApiOption",
    "BreakEven",
    "Fleet",
    "HourlyUsage",
    "Option",
    "Plan",
    "Published",
    "Requirements",
    "Source",
    "Throughput",
    "Workload",
    "draw_plan",
    "find_api",
    "hourly_usage",
    "load_published",
    "make_plan",
    "measured_workload",
    "own_apis",
    "stated_workload",
]

_HOME = {
    "ApiOption": "apis",
    "BreakEven": "costs",
    "Fleet": "sizing",
    "HourlyUsage": "workload",
    "Option": "plan",
    "Plan": "plan",
    "Published": "published",
    "Requirements": "sizing",
    "Source": "published",
    "Throughput": "published",
    "Workload": "workload",
    "draw_plan": "plot",
    "find_api": "apis",
    "hourly_usage": "repository",
    "load_published": "published",
    "make_plan": "plan",
    "measured_workload": "workload",
    "own_apis": "apis",
    "stated_workload": "workload",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'billing.planning' has no attribute {name!r}")
    return getattr(import_module(f"billing.planning.{_HOME[name]}"), name)
