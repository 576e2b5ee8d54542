"""The deployment's price book for ``sovgate prices``: read, compared with a source, changed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from core.yaml_text import InvalidYaml, read_yaml
from gateway.errors import InvalidRequest, SettingsError

if TYPE_CHECKING:
    from billing.prices.entries import BookEntry, Catalogue
    from billing.prices.proposals import ImportPlan
    from billing.prices.repository import Revision
    from gateway.prices import PriceFile
    from gateway.settings import Settings
    from gateway.tenants.cli.deployment import Deployment


@dataclass(frozen=True, slots=True)
class OpenBook:
    """The book as it stood at one moment."""

    settings: "Settings"
    catalogue: "Catalogue"
    revision: "Revision"


@dataclass(frozen=True, slots=True)
class PriceSource:
    """Where prices come from, and which of them are wanted: the options of two commands."""

    litellm: bool
    price_map: Path | None
    file: Path | None
    models: str | None
    provider_prefix: str
    effective_from: str | None

    def plan(self, opened: OpenBook) -> "ImportPlan":
        """What taking them would do.

        Raises:
            InvalidRequest: no source, or two of them.
            InvalidPrice: the source cannot be read, or holds what is no price.
        """
        from billing.prices.litellm_map import LitellmMap
        from billing.prices.proposals import ImportPlan, Proposals
        from gateway.prices import file_sections, served_models

        if (self.file is None) != (self.litellm or self.price_map is not None):
            raise InvalidRequest(
                "Say where prices come from: --litellm, --map FILE or --file FILE."
            )
        start = parse_instant(self.effective_from)
        if self.file is not None:
            patterns = self.models.split(",") if self.models else ["*"]
            proposals = Proposals.of_sections(file_sections(_read_file(self.file)), patterns)
        else:
            patterns = self.models.split(",") if self.models else served_models(opened.settings)
            proposals = Proposals.of_litellm(
                LitellmMap.load(self.price_map),
                patterns,
                start,
                provider_prefix=self.provider_prefix,
            )
        return ImportPlan.make(opened.catalogue, proposals, start, patterns=patterns)


def open_book(config: Path | None) -> OpenBook:
    """File and database as they are now."""
    from billing.prices.repository import revision
    from gateway.prices import price_store
    from gateway.tenants.cli.deployment import run

    async def task(deployment: "Deployment") -> OpenBook:
        session, settings = deployment.session, deployment.settings
        catalogue = await price_store(settings, deployment.clock).load(session)
        return OpenBook(settings, catalogue, await revision(session))

    return run(config, task)


def store_plan(
    config: Path | None,
    plan: "ImportPlan",
    seen: "Revision",
    replaces: list[str],
    reason: str | None,
) -> list[dict[str, Any]]:
    """Store what the plan showed.

    Raises:
        InvalidRequest: somebody changed the book since it was ``seen``.
    """
    from billing.prices.repository import revision
    from gateway.prices import price_store
    from gateway.tenants.cli.deployment import run

    async def task(deployment: "Deployment") -> list[dict[str, Any]]:
        session = deployment.session
        change = await price_store(deployment.settings, deployment.clock).add(
            session, plan.additions(), author="cli", reason=reason, replaces=replaces
        )
        expected = (seen.entries + len(change.added), seen.archived + len(change.archived))
        if await revision(session) != expected:
            raise InvalidRequest("Somebody else changed the price book; look at it again.")
        for entry in change.archived:
            await _record(deployment, "price.archive", entry)
        for entry in change.added:
            await _record(deployment, "price.create", entry)
        return [entry.to_json() for entry in change.added]

    return run(config, task, reason=reason)


def archive_entry(config: Path | None, entry_id: str, reason: str | None) -> "BookEntry":
    from gateway.prices import price_store
    from gateway.tenants.cli.deployment import run

    async def task(deployment: "Deployment") -> "BookEntry":
        store = price_store(deployment.settings, deployment.clock)
        entry = await store.archive(deployment.session, entry_id, author="cli")
        await _record(deployment, "price.archive", entry)
        return entry

    return run(config, task, reason=reason)


def parse_instant(text: str | None) -> datetime:
    """A date or an instant; the present one where there is none."""
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"{text!r} is no date such as 2026-11-21.") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


async def _record(deployment: "Deployment", action: str, entry: "BookEntry") -> None:
    body = entry.to_json()["body"]
    side = {"after": body} if action == "price.create" else {"before": body}
    await deployment.record(entry.tenant, action, entry.id or "", **side)


def _read_file(path: Path) -> "PriceFile":
    from gateway.prices import PriceFile

    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
        return PriceFile.model_validate(content)
    except (OSError, UnicodeDecodeError, InvalidYaml):
        raise SettingsError(f"{path} is no readable YAML file.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise SettingsError(f"{path}: {where}: {first['msg']}") from None
