"""When which kind of job is due: the one schedule, for Celery beat and for one machine.

``Schedule.due`` looks at the clock and nothing else. Who calls it queues each job under
its slot's key, which is unique, so it does not matter how many call it or how often: a
slot has one job. A slot is due until the next one begins, so a process that was down
when it began makes up for it, once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple, Protocol

from billing.errors import InvalidSchedule

OFF = "off"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_TEXT = re.compile(
    r"every (?P<count>[1-9]\d{0,3})(?P<unit>[mh])"
    r"|daily (?P<daily>[0-2]\d:[0-5]\d)"
    r"|monthly (?P<day>[1-9]|1\d|2[0-8]) (?P<monthly>[0-2]\d:[0-5]\d)"
)


class Cadence(Protocol):
    """How often: times are UTC."""

    def slot(self, now: datetime) -> datetime:
        """When the slot began that ``now`` is in."""
        ...

    def following(self, slot: datetime) -> datetime:
        """When the slot after this one begins."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """In equal steps, counted from 1970."""

    step: timedelta

    def slot(self, now: datetime) -> datetime:
        return now - (now - _EPOCH) % self.step

    def following(self, slot: datetime) -> datetime:
        return slot + self.step


@dataclass(frozen=True, slots=True)
class Daily:
    """Each day, this long after midnight."""

    at: timedelta

    def slot(self, now: datetime) -> datetime:
        shifted = now - self.at
        return shifted - (shifted - _EPOCH) % _DAY + self.at

    def following(self, slot: datetime) -> datetime:
        return slot + _DAY


@dataclass(frozen=True, slots=True)
class Monthly:
    """Each month on a day (1 to 28), this long after its midnight."""

    day: int
    at: timedelta

    def slot(self, now: datetime) -> datetime:
        this = self._of(now)
        return this if this <= now else self._of(now.replace(day=1) - _DAY)

    def following(self, slot: datetime) -> datetime:
        return self._of(slot.replace(day=1) + 31 * _DAY)

    def _of(self, month: datetime) -> datetime:
        midnight = month.replace(day=self.day, hour=0, minute=0, second=0, microsecond=0)
        return midnight + self.at


class DueJob(NamedTuple):
    """A slot whose job is to be queued, unless its key is there already."""

    kind: str
    key: str
    slot: datetime


# Late enough that what was under way at midnight has reached the ledger.
DEFAULT_SCHEDULE: Mapping[str, str] = MappingProxyType(
    {
        "alerts.deliver": "every 1m",
        "batches.upkeep": "every 5m",
        "rollups.verify": "daily 02:00",
        "retention": "daily 03:00",
        "audit.retention": "daily 03:30",
        "audit.verify": "daily 05:00",
        "invoices.draft": "monthly 1 04:00",
    }
)


class Schedule:
    """A cadence by kind of job.

    Args:
        changes: by kind, over ``DEFAULT_SCHEDULE``: ``every 5m``, ``every 2h``,
            ``daily 02:00``, ``monthly 1 04:00`` or ``off``.

    Raises:
        InvalidSchedule: a kind that nothing schedules, or a text that is no cadence.
    """

    def __init__(self, changes: Mapping[str, str] = MappingProxyType({})) -> None:
        unknown = sorted(changes.keys() - DEFAULT_SCHEDULE.keys())
        if unknown:
            known = ", ".join(DEFAULT_SCHEDULE)
            raise InvalidSchedule(f"'{unknown[0]}' is not scheduled; choose one of {known}.")
        self.texts = {**DEFAULT_SCHEDULE, **changes}
        self.cadences: dict[str, Cadence] = {
            kind: parse_cadence(text) for kind, text in self.texts.items() if text != OFF
        }

    def due(self, now: datetime) -> list[DueJob]:
        """The slot of each kind that ``now`` is in."""
        slots = {kind: cadence.slot(now) for kind, cadence in self.cadences.items()}
        return [DueJob(kind, slot_key(kind, slot), slot) for kind, slot in slots.items()]


def slot_key(kind: str, slot: datetime) -> str:
    """The key of a slot's job, the same in every process."""
    return f"schedule:{kind}@{slot.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def parse_cadence(text: str) -> Cadence:
    """Raises ``InvalidSchedule``."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise InvalidSchedule(
            f"'{text}' is no cadence; write it as every 5m, every 2h, daily 02:00, "
            "monthly 1 04:00 (UTC; days 1 to 28) or off."
        )
    if match["count"]:
        unit = timedelta(minutes=1) if match["unit"] == "m" else timedelta(hours=1)
        return Every(int(match["count"]) * unit)
    at = _time_of_day(match["daily"] or match["monthly"])
    return Daily(at) if match["daily"] else Monthly(int(match["day"]), at)


def _time_of_day(text: str) -> timedelta:
    hours, minutes = (int(part) for part in text.split(":"))
    if hours > 23:
        raise InvalidSchedule(f"'{text}' is no time of day.")
    return timedelta(hours=hours, minutes=minutes)
