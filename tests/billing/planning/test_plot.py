"""The picture is drawn, whatever there is to draw; people look at it (docs/plan.md)."""

from pathlib import Path

import pytest

from billing.planning import Published, Workload, draw_plan, find_api, make_plan


@pytest.mark.parametrize(
    ("models", "devices"),
    [
        (["v4-flash", "v4-pro"], []),
        (["v4-pro"], ["b200"]),
        (["v4-flash"], ["atlas-800-a2"]),  # nothing priced: the APIs alone
    ],
)
def test_a_png_is_written(
    workload: Workload,
    published: Published,
    tmp_path: Path,
    models: list[str],
    devices: list[str],
) -> None:
    baselines = [find_api("gpt-5.5", published)]
    plan = make_plan(workload, published, models=models, devices=devices, baselines=baselines)
    file = tmp_path / "plan.png"
    draw_plan(plan, file)
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width = int.from_bytes(content[16:20], "big")
    assert width == (2496 if len(models) == 2 else 1280)
