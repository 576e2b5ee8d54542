import pytest

from gateway.tenants.limits import Limits


@pytest.mark.parametrize(
    ("tenant", "key", "expected"),
    [
        (Limits(), Limits(), Limits()),
        (Limits(rpm=10), Limits(), Limits(rpm=10)),
        (Limits(), Limits(rpm=10), Limits(rpm=10)),
        (Limits(rpm=10), Limits(rpm=20), Limits(rpm=10)),
        (Limits(10, 20, 30), Limits(5, 40, 0), Limits(5, 20, 0)),
    ],
)
def test_a_key_narrows_its_tenant_and_never_widens_it(
    tenant: Limits, key: Limits, expected: Limits
) -> None:
    assert tenant.tightened_by(key) == expected


def test_json_and_back() -> None:
    limits = Limits(rpm=1, parallel=0)
    assert Limits.from_json(limits.to_json()) == limits
    assert Limits.from_json(None) == Limits()
