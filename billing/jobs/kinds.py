"""The kinds of job of this package, put together."""

from billing.jobs.exporters import register_reports
from billing.jobs.retention import apply_retention
from billing.jobs.tasks import TaskRegistry
from billing.jobs.verification import verify_rollups


def default_tasks() -> TaskRegistry:
    """A registry of its own for each caller, who may add to it."""
    tasks = TaskRegistry()
    register_reports(tasks)
    tasks.register("rollups.verify", verify_rollups, deployment=True)
    tasks.register("retention", apply_retention, deployment=True)
    return tasks
