"""Keeps the gate's upstreams those that the database holds, while the process runs.

A change in the same process holds at once, one of another process within seconds. While the
database does not answer, the last ones go on.
"""

import asyncio
from collections.abc import Iterable, Mapping
from enum import StrEnum

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from core.database import Database
from core.tasks import cancel
from gateway.egress import Sovereignty, check_deployment
from gateway.errors import GatewayError, SettingsError
from gateway.settings import Settings
from gateway.upstreams.building import build
from gateway.upstreams.definition import DefinitionRules, UpstreamSpec
from gateway.upstreams.gate import Deployed, Gate
from gateway.upstreams.models import StoredUpstream
from gateway.upstreams.probe import Probe
from gateway.upstreams.repository import Stamp, UpstreamRepository

_INTERVAL_S = 3.0
_OUTAGE = (SQLAlchemyError, OSError, TimeoutError)
_log = structlog.get_logger(__name__)


class State(StrEnum):
    """What became of a stored upstream in this process."""

    SERVING = "serving"
    SHADOWED = "shadowed"  # the settings file names it, and decides alone
    NO_KEY = "no_key"  # its environment variable is not set here
    REFUSED = "refused"  # the settings here do not allow it


class UpstreamDesk:
    """Made by ``open``, taken down by ``close``."""

    def __init__(self, settings: Settings, database: Database, gate: Gate) -> None:
        self.gate = gate
        self.rules = DefinitionRules(settings)
        self.probe = Probe(self.rules)
        self.sovereignty = Sovereignty.of(settings)
        self.states: Mapping[str, State] = {}
        self._settings = settings
        self._database = database
        self._stamps: frozenset[Stamp] = frozenset()
        self._loading = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._failing = False

    @classmethod
    async def open(
        cls,
        settings: Settings,
        database: Database,
        gate: Gate,
        *,
        interval_s: float = _INTERVAL_S,
    ) -> "UpstreamDesk":
        """Take up what is stored and keep watching.

        Args:
            interval_s: how long another process's change may go unnoticed.

        Raises:
            SettingsError: the deployment is sovereign and something is foreign.
        """
        desk = cls(settings, database, gate)
        async with database.session() as session:
            rows = await UpstreamRepository(session).all()
        check_deployment(settings, [(row.name, row.zone) for row in rows])
        await desk._take_up(rows)
        desk._watching = asyncio.create_task(desk._watch(interval_s), name="upstream-desk")
        return desk

    async def refresh(self) -> None:
        """Take up what was added, changed or deleted since."""
        async with self._loading:
            async with self._database.session() as session:
                repository = UpstreamRepository(session)
                if await repository.stamps() == self._stamps:
                    return
                rows = await repository.all()
            await self._take_up(rows)

    async def close(self) -> None:
        await cancel(self._watching)

    async def _take_up(self, rows: Iterable[StoredUpstream]) -> None:
        states: dict[str, State] = {}
        serving: list[Deployed] = []
        stamps: set[Stamp] = set()
        for row in rows:
            stamps.add(Stamp(row.id, row.version))
            state, deployed = self._deploy(row)
            states[row.name] = state
            if deployed is not None:
                serving.append(deployed)
            elif self.states.get(row.name) is not state:
                _log.warning("upstream.not_served", upstream=row.name, state=state.value)
        await self.gate.replace("database", serving)
        self.states, self._stamps = states, frozenset(stamps)

    def _deploy(self, row: StoredUpstream) -> tuple[State, Deployed | None]:
        if self.rules.is_in_file(row.name):
            return State.SHADOWED, None
        revision = f"{row.id}:{row.version}"
        current = self.gate.get(row.name)
        if current is not None and current.revision == revision:
            return State.SERVING, current
        try:
            spec = UpstreamSpec.model_validate(row.definition)
            self.rules.check(spec)
            settings = spec.settings()
            upstream = build(settings, self.rules.addresses(spec))
        except SettingsError:
            return State.NO_KEY, None
        except (GatewayError, ValidationError):
            return State.REFUSED, None
        return State.SERVING, Deployed(settings, upstream, origin="database", revision=revision)

    async def _watch(self, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.refresh()
            except _OUTAGE as error:
                if not self._failing:
                    _log.error("upstreams.not_refreshed", reason=type(error).__name__)
                self._failing = True
            else:
                self._failing = False
