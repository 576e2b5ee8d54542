"""What a soak runs against: a gateway, its database, a Valkey and an upstream, as processes."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from support.deployment import Capture, Deployment, capture_upstream, gateway
from support.postgres import postgres_server
from support.site import site_settings
from support.traffic import prepare
from support.valkey import valkey_server

# Small enough to be full before the first tenth of an hour is over: what is looked for is
# what grows for ever, not what fills up.
_BOUNDS = {
    "guards": {"cached_findings": 4_000},
    "vault": {"conversations": 200},
}


@dataclass(frozen=True)
class Soaked:
    """The parts that are looked at."""

    deployment: Deployment
    capture: Capture
    process: psutil.Process
    database_url: str


@contextmanager
def soaked(directory: Path, database: str) -> Iterator[Soaked]:
    """Start everything under ``directory``; ``database``: ``postgresql`` or ``sqlite``."""
    with ExitStack() as stack:
        url = f"sqlite+aiosqlite:///{directory}/sovgate.db"
        if database == "postgresql":
            # PostgreSQL runs as another account, which has to reach its folder.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sovgate-soak-"))
            durable = {"fsync": "on", "synchronous_commit": "on"}
            url = stack.enter_context(postgres_server(Path(folder), durable)) + "/postgres"
        valkey = stack.enter_context(valkey_server(directory))
        capture = stack.enter_context(capture_upstream(directory, keep_bodies=False))
        prepare(capture)
        content = site_settings(
            directory, capture, database={"url": url}, redis={"url": valkey}, **_BOUNDS
        )
        _migrate(directory, content)
        deployment = stack.enter_context(gateway(directory, content))
        process = psutil.Process(deployment.server.pid)
        yield Soaked(deployment, capture, process, url)


def _migrate(directory: Path, content: dict[str, object]) -> None:
    config = directory / "upgrade.yaml"
    config.write_text(yaml.safe_dump(content))
    command = [sys.executable, "-m", "gateway.cli", "db", "upgrade", "--config", str(config)]
    subprocess.run(command, check=True, capture_output=True)


def dump(file: Path, report: object) -> None:
    file.write_text(json.dumps(report, indent=1) + "\n")
