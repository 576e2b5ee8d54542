"""What ``celery -A celery_entry worker|beat`` of the tests is: real settings, tasks that tell."""

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from billing import (
    JobContext,
    JobSettings,
    Schedule,
    TaskRegistry,
    default_tasks,
    make_celery,
)
from core.database import Database


def settings() -> JobSettings:
    """Those of the environment; what takes a minute in a deployment takes a second here."""
    data_dir = Path(os.environ["TEST_DATA_DIR"])
    return JobSettings(
        database_url=os.environ["TEST_DATABASE_URL"],
        data_dir=data_dir,
        broker_url=os.environ["TEST_BROKER_URL"],
        schedule=Schedule({"rollups.verify": "every 1m", "alerts.deliver": "off"}),
        poll=timedelta(seconds=0.5),
        heartbeat=timedelta(seconds=0.3),
        stale_after=timedelta(seconds=6),
    )


def tasks() -> TaskRegistry:
    registry = default_tasks()
    registry.register("hang_once", hang_once)
    registry.register("retention", note_slot, deployment=True)
    return registry


async def hang_once(database: Database, context: JobContext) -> Mapping[str, Any]:
    """The first run never ends; the next one does."""
    mark = context.settings.data_dir / "begun"
    if not mark.exists():
        mark.touch()
        await context.progress(40)
        await asyncio.sleep(3600)
    return {"finished_by": os.getpid()}


async def note_slot(database: Database, context: JobContext) -> None:
    """A line for each run."""
    line = f"{context.params['slot']}\n".encode()
    path = context.settings.data_dir / "slots"
    await asyncio.to_thread(_append, path, line)


def _append(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as out:
        out.write(line)


def __getattr__(name: str) -> Any:
    if name in {"app", "celery"}:
        return make_celery(settings(), tasks())
    raise AttributeError(name)
