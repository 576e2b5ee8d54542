"""The measured systems: how each is started, and what is sent to it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from benchmarks.gateway.upstream import MODEL

_START_LIMIT_S = 90.0
_KEY = "sov-benchmark-key-0123456789abcdef"
_PATH = "/v1/chat/completions"


@dataclass(frozen=True)
class System:
    """Something that answers chat completions on a loopback port."""

    name: str
    port: int
    process: psutil.Process
    path: str = _PATH
    api_key: str = _KEY

    def cpu_seconds(self) -> float:
        """Processor time of the process and its children so far."""
        family = [self.process, *self.process.children(recursive=True)]
        times = [member.cpu_times() for member in family]
        return sum(time.user + time.system for time in times)

    def rss_mb(self) -> float:
        """Resident memory of the process and its children."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) / 2**20


@contextmanager
def systems(directory: Path, litellm_python: Path | None) -> Iterator[list[System]]:
    """Start the upstream and everything that is measured; stop all of it at the end."""
    with ExitStack() as stack:
        upstream = stack.enter_context(_upstream(directory))
        url = f"http://127.0.0.1:{upstream.port}"
        running = [upstream, stack.enter_context(_bare(directory, url))]
        if _sovgate() is not None:
            for guards in (False, True):
                running.append(stack.enter_context(_gateway(directory, url, guards=guards)))
        if litellm_python is not None:
            running.append(stack.enter_context(_litellm(directory, url, litellm_python)))
        yield running


@contextmanager
def _upstream(directory: Path) -> Iterator[System]:
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.gateway.upstream", str(port)]
    with _process("direct", command, port, directory) as process:
        yield System("direct", port, process)


@contextmanager
def _bare(directory: Path, upstream: str) -> Iterator[System]:
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.gateway.bare_proxy", str(port), upstream]
    with _process("bare", command, port, directory) as process:
        yield System("bare proxy", port, process)


@contextmanager
def _gateway(directory: Path, upstream: str, *, guards: bool) -> Iterator[System]:
    name = "sovgate, guards on" if guards else "sovgate, guards off"
    home = directory / name.replace(", ", "-").replace(" ", "-")
    home.mkdir()
    port = _free_port()
    config = home / "sovgate.yaml"
    config.write_text(yaml.safe_dump(_gateway_config(home, port, upstream, guards=guards)))
    command = [str(_sovgate()), "serve", "--config", str(config)]
    ready = f"http://127.0.0.1:{port}/readyz"
    env = {"SOV_KEY_BENCH": _KEY}
    with _process(home.name, command, port, directory, ready=ready, env=env) as process:
        yield System(name, port, process)


def _gateway_config(home: Path, port: int, upstream: str, *, guards: bool) -> dict[str, object]:
    off = {
        "zones": ["onprem"],
        "pii": {"action": "allow", "restore": False},
        "moderation": {"input": "allow", "output": "allow"},
        "injection": {"input": "allow", "documents": "allow"},
    }
    tenant = {"name": "bench", "keys": [{"name": "app", "env": "SOV_KEY_BENCH"}]}
    budget = {"limit_usd": "1000000", "period": "month", "hard": True}
    price = {"model": MODEL, "effective_from": "2020-01-01", "input": "0.15", "output": "0.60"}
    server = {"name": "bench", "kind": "openai", "zone": "onprem", "models": [MODEL]}
    return {
        "server": {"port": port},
        "data_dir": str(home),
        "database": {"url": f"sqlite+aiosqlite:///{home}/sovgate.db"},
        "upstreams": [server | {"base_url": f"{upstream}/v1"}],
        "prices": [price],
        "policies": {"default": {"zones": ["onprem"]} if guards else off},
        "bootstrap": {"tenants": [tenant | {"budget": budget}]},
    }


@contextmanager
def _litellm(directory: Path, upstream: str, python: Path) -> Iterator[System]:
    port = _free_port()
    parameters = {"model": f"openai/{MODEL}", "api_base": f"{upstream}/v1", "api_key": "none"}
    content = {
        "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
        "general_settings": {"master_key": f"sk-{_KEY}"},
        "litellm_settings": {"telemetry": False},
    }
    config = directory / "litellm.yaml"
    config.write_text(yaml.safe_dump(content))
    command = [str(python.absolute().parent / "litellm"), "--config", str(config)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    ready = f"http://127.0.0.1:{port}/health/liveliness"
    # The price map that comes with the package, and no debug output.
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    env["LITELLM_MODE"] = "PRODUCTION"
    with _process("litellm", command, port, directory, ready=ready, env=env) as process:
        yield System("LiteLLM proxy", port, process, api_key=f"sk-{_KEY}")


def _sovgate() -> str | None:
    return shutil.which("sovgate", path=str(Path(sys.executable).parent))


@contextmanager
def _process(
    name: str,
    command: Sequence[str],
    port: int,
    directory: Path,
    *,
    ready: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[psutil.Process]:
    log = directory / f"{name}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
        )
    try:
        _wait(process, port, ready, log)
        yield psutil.Process(process.pid)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, ready: str | None, log: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while not (_answers(ready) if ready else _accepts(port)):
        if process.poll() is not None or time.monotonic() > deadline:
            end = log.read_text("utf-8", "replace")[-3000:]
            raise RuntimeError(f"{log.stem} did not start:\n{end}")
        time.sleep(0.05)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
