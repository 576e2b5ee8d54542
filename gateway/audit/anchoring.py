"""Takes signed checkpoints to anchors outside, beside the requests and never in their way.

Each anchor gets the newest checkpoint of every chain that has grown since it last saw
it. What fails is tried again at the next round, shows in the log and the metrics, and
holds up nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog
from prometheus_client import Counter
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, isoformat
from core.database import Database
from core.tasks import cancel
from gateway.audit.anchors import (
    Judges,
    check_token,
    file_line,
    read_anchor,
    stamped_message,
    token_line,
)
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.encoding import encode_canonical
from gateway.audit.errors import AnchorFailed, AuditError
from gateway.audit.keys import load_public_key
from gateway.audit.models import AuditAnchor, AuditCheckpoint
from gateway.audit.signing import read_checkpoint
from gateway.audit.witness import append_line
from gateway.egress import OF_THE_FILE, guarded_connector
from gateway.settings import Settings

MAX_ANSWER = 1 << 20
_log = structlog.get_logger(__name__)


class AnchorTarget(Protocol):
    """Something outside that takes a checkpoint and gives a line of evidence."""

    name: str
    every: timedelta

    async def anchor(self, checkpoint: Checkpoint) -> bytes:
        """Raises: AnchorFailed, OSError, TimeoutError."""
        ...


class FileAnchor:
    """Appends to a file, which should lie where this host cannot change what is written."""

    def __init__(self, name: str, path: Path, clock: Clock, every: timedelta) -> None:
        self.name, self.every = name, every
        self._path, self._clock = path, clock

    async def anchor(self, checkpoint: Checkpoint) -> bytes:
        line = file_line(self.name, checkpoint, isoformat(self._clock.now()))
        await asyncio.to_thread(append_line, self._path, line)
        return line


class TimestampAnchor:
    """Asks a time-stamping authority (RFC 3161, over HTTP)."""

    def __init__(
        self, name: str, url: str, roots: Path, timeout_s: float, every: timedelta
    ) -> None:
        self.name, self.every = name, every
        self._url, self._roots, self._timeout_s = url, roots, timeout_s

    async def anchor(self, checkpoint: Checkpoint) -> bytes:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

        request = (
            TimestampRequestBuilder()
            .data(stamped_message(checkpoint))
            .hash_algorithm(HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        kind = "application/timestamp-query"
        token = await _post(self._url, request.as_bytes(), kind, self._timeout_s)
        line = token_line(self.name, checkpoint, token)
        await asyncio.to_thread(check_token, token, checkpoint, self._roots)
        return line


class WitnessAnchor:
    """Asks a second party that runs `sovgate audit witness --listen`."""

    def __init__(
        self, name: str, url: str, public_key: str, timeout_s: float, every: timedelta
    ) -> None:
        self.name, self.every = name, every
        self._url, self._public_key, self._timeout_s = url, public_key, timeout_s

    async def anchor(self, checkpoint: Checkpoint) -> bytes:
        body = encode_canonical(checkpoint.to_dict())
        line = await _post(self._url, body, "application/json", self._timeout_s)
        seen = read_anchor(line, Judges(witnesses=(self._public_key,)))
        if seen.kind != "witness" or seen.checkpoint != checkpoint:
            raise AnchorFailed("The witness has counter-signed something else.")
        return line


class Anchorer:
    """Runs as one task beside the drain.

    Attributes:
        errors: why an anchor failed last, by name; None where it did not.
    """

    def __init__(
        self,
        database: Database,
        targets: Sequence[AnchorTarget],
        *,
        clock: Clock,
        interval_s: float,
        on_failure: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.errors: dict[str, str | None] = {target.name: None for target in targets}
        self._database = database
        self._targets = tuple(targets)
        self._clock = clock
        self._interval_s = interval_s
        self._on_failure = on_failure
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Anchor what is there, then what comes, until ``stop``."""
        if self._targets:
            self._task = asyncio.create_task(self._run(), name="audit-anchors")

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Anchor the last checkpoints if that is quick; the next start does the rest."""
        if self._task is not None:
            await cancel(self._task)
            self._task = None
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self.run_once()

    async def run_once(self) -> None:
        """Give each anchor what it has not seen."""
        await asyncio.gather(*(self._serve(target) for target in self._targets))

    async def _run(self) -> None:
        while True:
            await self.run_once()
            await asyncio.sleep(self._interval_s)

    async def _serve(self, target: AnchorTarget) -> None:
        try:
            async with self._database.session() as session:
                due = await _due(session, target, self._clock.now())
            for checkpoint in due:
                line = await target.anchor(checkpoint)
                async with self._database.transaction() as session:
                    await _store(session, target.name, checkpoint, line, self._clock.now())
        except (AuditError, OSError, TimeoutError, SQLAlchemyError) as error:
            self._failed(target.name, error)
        else:
            self.errors[target.name] = None

    def _failed(self, name: str, error: Exception) -> None:
        text = error.message if isinstance(error, AuditError) else type(error).__name__
        if self.errors[name] != text:
            _log.warning("audit.anchor_failed", anchor=name, error=text)
        self.errors[name] = text
        self._on_failure(name)


def build_targets(settings: Settings, clock: Clock) -> list[AnchorTarget]:
    """The anchors that the settings name.

    Raises:
        SigningKeyUnusable: a witness's public key cannot be read.
    """
    targets: list[AnchorTarget] = []
    for name, anchor in settings.audit.anchors.items():
        every, timeout_s = timedelta(seconds=anchor.every_s), anchor.timeout_s
        if anchor.path is not None:
            targets.append(FileAnchor(name, anchor.path, clock, every))
        elif anchor.url is not None and anchor.ca_file is not None:
            targets.append(TimestampAnchor(name, anchor.url, anchor.ca_file, timeout_s, every))
        elif anchor.url is not None and anchor.public_key_file is not None:
            key = load_public_key(anchor.public_key_file)
            targets.append(WitnessAnchor(name, anchor.url, key, timeout_s, every))
    return targets


def build_anchorer(
    settings: Settings, database: Database, clock: Clock, failures: Counter
) -> Anchorer:
    """The task that keeps the settings' anchors up to date."""
    return Anchorer(
        database,
        build_targets(settings, clock),
        clock=clock,
        interval_s=settings.audit.checkpoint_interval_s,
        on_failure=lambda name: failures.labels(name).inc(),
    )


async def _due(session: AsyncSession, target: AnchorTarget, now: datetime) -> list[Checkpoint]:
    """The newest checkpoint of each chain that has grown since the anchor saw it."""
    seen = {
        tenant: (seq, time)
        for tenant, seq, time in await session.execute(
            select(AuditAnchor.tenant, func.max(AuditAnchor.seq), func.max(AuditAnchor.time))
            .where(AuditAnchor.anchor == target.name)
            .group_by(AuditAnchor.tenant)
        )
    }
    newest = (
        select(AuditCheckpoint.tenant, func.max(AuditCheckpoint.seq).label("seq"))
        .where(AuditCheckpoint.root.is_not(None))
        .group_by(AuditCheckpoint.tenant)
        .subquery()
    )
    query = select(AuditCheckpoint).join(
        newest,
        (newest.c.tenant == AuditCheckpoint.tenant) & (newest.c.seq == AuditCheckpoint.seq),
    )
    due = []
    for stored in await session.scalars(query.order_by(AuditCheckpoint.tenant)):
        seq, time = seen.get(stored.tenant, (0, None))
        if stored.seq > seq and (time is None or time + target.every <= now):
            due.append(read_checkpoint(stored))
    return due


async def _store(
    session: AsyncSession, name: str, checkpoint: Checkpoint, line: bytes, now: datetime
) -> None:
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    values: dict[str, Any] = {
        "anchor": name,
        "tenant": checkpoint.tenant,
        "seq": checkpoint.last_seq,
        "time": now,
        "evidence": line.decode(),
    }
    # Replicas may anchor the same checkpoint; one line of evidence is enough.
    await session.execute(make(AuditAnchor).values(**values).on_conflict_do_nothing())


async def _post(url: str, body: bytes, kind: str, timeout_s: float) -> bytes:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(
                timeout=timeout, connector=guarded_connector(OF_THE_FILE, "audit anchor")
            ) as session,
            session.post(
                url, data=body, headers={"content-type": kind}, allow_redirects=False
            ) as answer,
        ):
            if answer.status != 200:
                raise AnchorFailed(f"The anchor answers {answer.status}.")
            content = bytearray()
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > MAX_ANSWER:
                    raise AnchorFailed("The anchor's answer is too long.")
            return bytes(content)
    except aiohttp.ClientError as error:
        raise AnchorFailed(f"The anchor cannot be reached ({type(error).__name__}).") from error
