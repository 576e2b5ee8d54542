"""Bodies of the planning endpoint."""

from typing import Any

from pydantic import Field

from gateway.admin.schemas import Schema


class CapacityPlan(Schema):
    """What ``sovgate plan --from-usage --json`` prints; docs/plan.md explains every figure."""

    currency: str = Field(examples=["USD"])
    workload: dict[str, Any] = Field(description="The month's traffic and its busiest hour.")
    assumptions: dict[str, Any]
    self_hosted: list[dict[str, Any]] = Field(
        description="Per model and device: devices, cost, break-even, the published figure used."
    )
    apis: dict[str, list[dict[str, Any]]] = Field(description="The same traffic on APIs.")
    sources: list[dict[str, Any]] = Field(description="Where the published figures stand.")
