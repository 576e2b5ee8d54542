"""Which test files begin first: with one of the long ones last, the other processes would wait."""

import pytest

# Half a minute and more of a slow core, the longest first.
LONGEST = (
    "tests/e2e/test_survival.py",
    "tests/inference/test_server.py",
    "tests/gateway/audit/test_selection.py",
    "tests/e2e/test_jobs.py",
    "tests/e2e/test_privacy_path.py",
    "tests/e2e/test_canaries.py",
    "tests/billing/budgets/test_interleavings.py",
    "tests/inference/test_native_kernels.py",
    "tests/billing/jobs/test_celery.py",
    "tests/repository/test_wheel.py",
    "tests/e2e/test_budget_races.py",
    "tests/e2e/test_demo.py",
    "tests/inference/kernels/test_kernels.py",
    "tests/inference/test_parity.py",
    "tests/e2e/test_governance.py",
    "tests/e2e/test_bodies.py",
    "tests/gateway/admin/test_trail.py",
    "tests/browser/test_layout.py",
    "tests/inference/test_constraints.py",
    "tests/e2e/test_shared_limits.py",
    "tests/e2e/test_isolation_v1.py",
    "tests/conformance/test_clients.py",
    "tests/e2e/test_torture.py",
    "tests/e2e/test_restore_cuts.py",
    "tests/guardrails/pii/test_engine.py",
    "tests/e2e/resilience/test_retries.py",
    "tests/e2e/degradation/test_postgresql.py",
)


def longest_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Those of ``LONGEST``, then the others; each in the order in which they were collected."""
    places = {file: place for place, file in enumerate(LONGEST)}
    return sorted(items, key=lambda item: places.get(item.nodeid.split("::")[0], len(places)))
