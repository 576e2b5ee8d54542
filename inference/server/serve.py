"""Starts a worker process: verify, load, listen, and end gracefully on SIGTERM."""

import json
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from inference.encoding.formats import load_format
from inference.engine.loading import EngineOptions, follow_engine, load_engine
from inference.errors import AddressUnavailable, EngineFailed, RequestInvalid
from inference.model_config import AnyConfig, read_json
from inference.parallel import launched_rank
from inference.provenance import verify_directory
from inference.sampling_params import SamplingDefaults
from inference.server.app import WorkerApp
from inference.server.worker import ServedModel, Worker
from inference.tokenizer import Tokenizer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of the model, with a budget of experts; None: the checkpoint's."""

    name: str
    num_experts: int | None = None
    expert_mass: float | None = None


@dataclass(frozen=True, slots=True)
class ServeOptions:
    model: Path
    host: str = "127.0.0.1"
    port: int = 9100
    name: str = ""  # "" = the directory's name
    aliases: tuple[Alias, ...] = ()
    default_max_tokens: int = 512
    chat_generation: str = ""  # of a DeepSeek-V4 checkpoint; "" = the newest known
    shutdown_seconds: int = 20
    trusted_key: Path | None = None
    allow_unsigned: bool = False
    engine: EngineOptions = field(default_factory=EngineOptions)


def load_worker(options: ServeOptions) -> Worker:
    """Everything but the socket.

    Raises:
        ProvenanceError: nothing of the directory has been loaded then.
        CheckpointInvalid, DeviceUnavailable, RequestInvalid (an alias out of range).
    """
    provenance = None
    if not options.allow_unsigned:
        provenance = verify_directory(options.model, options.trusted_key)
    engine, choices = load_engine(options.model, options.engine)
    tokenizer = Tokenizer.load(options.model)
    generation = options.model / "generation_config.json"
    raw = read_json(generation) if generation.exists() else {}
    return Worker(
        engine,
        tokenizer,
        load_format(options.model, tokenizer, engine.config.kind, options.chat_generation),
        _served_models(options, engine.config),
        SamplingDefaults.from_generation_config(raw, options.default_max_tokens),
        provenance,
        choices,
    )


def serve(options: ServeOptions) -> None:
    """Runs until SIGTERM or SIGINT; prints one JSON line on stdout when ready.

    Where a launcher began all processes of a parallel worker, the first one serves.

    Raises:
        EngineFailed: another process was lost; those who asked have been told.
    """
    rank = launched_rank()
    if rank and options.engine.layout.size > 1:
        if not options.allow_unsigned:
            verify_directory(options.model, options.trusted_key)
        return follow_engine(options.model, options.engine, rank)
    listener = _listen(options.host, options.port)
    worker = load_worker(options)
    config = uvicorn.Config(
        WorkerApp(worker),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=options.shutdown_seconds,
    )
    server = _ReadyServer(config, worker, _url(listener))
    try:
        server.run(sockets=[listener])
    finally:
        lost = worker.lost
        worker.engine.close()
    if lost:
        raise EngineFailed(
            "A process of this parallel worker ended or fell silent; start the worker again."
        )
    return None


class _ReadyServer(uvicorn.Server):
    """Says on stdout when it listens, and takes no new work once told to end."""

    def __init__(self, config: uvicorn.Config, worker: Worker, url: str) -> None:
        super().__init__(config)
        self._worker = worker
        self._url = url

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but a graceful end is exit code 0 and not death by signal."""
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        worker = self._worker
        ready = {
            "event": "ready",
            "url": self._url,
            "models": list(worker.models),
            "weights_digest": worker.provenance.weights_digest if worker.provenance else None,
            "kernels": list(worker.choices),
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end, as a parallel worker does that lost a process."""
        return await super().on_tick(counter) or self._worker.lost

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._worker.stopping = True
        await super().shutdown(sockets)


def _served_models(options: ServeOptions, config: AnyConfig) -> dict[str, ServedModel]:
    name = options.name or options.model.resolve().name
    models = {name: ServedModel(name, config.num_experts_per_tok)}
    low, high = config.min_experts_per_tok, config.num_experts
    for alias in options.aliases:
        made = ServedModel(alias.name, config.num_experts_per_tok).with_budget(
            alias.num_experts, alias.expert_mass
        )
        if not low <= made.num_experts <= high:
            raise RequestInvalid(
                f"--alias {alias.name}={alias.num_experts}: this model activates {low} to {high} "
                "experts."
            )
        models[alias.name] = made
    return models


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise AddressUnavailable(f"The worker cannot listen at {host}:{port}: {error}.") from None
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
