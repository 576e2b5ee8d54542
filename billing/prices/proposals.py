"""What taking some proposed entries into the price book would do, before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.prices.diff import PriceDiff, Status, compare
from billing.prices.entries import (
    BookEntry,
    Catalogue,
    Sections,
    Source,
    body_of,
    entries_of,
    matching,
)
from billing.prices.litellm_map import LitellmMap, Skipped
from billing.prices.store import NewEntry
from billing.prices.version import PriceVersion


@dataclass(frozen=True, slots=True)
class Proposals:
    """Entries that somebody might take, and what their source could not say.

    Args:
        left_out: by model, priced fields of the source that a price of ours cannot say.
    """

    entries: tuple[BookEntry, ...]
    skipped: tuple[Skipped, ...] = ()
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of_litellm(
        cls,
        source: LitellmMap,
        patterns: Sequence[str],
        effective_from: datetime,
        *,
        provider_prefix: str = "",
    ) -> "Proposals":
        """See ``LitellmMap.propose``; a model that is asked for and not there is skipped too."""
        wanted = matching(patterns)
        found, skipped = source.propose(wanted, effective_from, provider_prefix=provider_prefix)
        known = {each.version.model for each in found} | {each.model for each in skipped}
        missing = [name for name in patterns if name not in known and not set("*?[") & set(name)]
        return cls(
            tuple(_proposed(proposal.version) for proposal in found),
            (*skipped, *(Skipped(name, "not in the map") for name in missing)),
            tuple((each.version.model, each.left_out) for each in found if each.left_out),
        )

    @classmethod
    def of_sections(cls, sections: Sections, patterns: Sequence[str] = ("*",)) -> "Proposals":
        """Bodies as in the settings; prices of the wanted models only. Raises: InvalidPrice."""
        entries, wanted = entries_of(sections, Source.DATABASE), matching(patterns)
        return cls(
            tuple(
                entry
                for entry in entries
                if not isinstance(entry.item, PriceVersion) or wanted(entry.item.model)
            )
        )


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The difference that proposals make.

    Args:
        diffs: of prices.
        others: new entries of other kinds.
        named_in_file: what the settings file decides about, and so is not taken.
    """

    proposals: Proposals
    diffs: tuple[PriceDiff, ...]
    others: tuple[BookEntry, ...]
    named_in_file: tuple[str, ...]

    @classmethod
    def make(
        cls,
        catalogue: Catalogue,
        proposals: Proposals,
        at: datetime,
        *,
        patterns: Sequence[str] = ("*",),
    ) -> "ImportPlan":
        """Compare with the book at an instant.

        Args:
            patterns: models of the book that are ``gone`` where nothing was proposed.
        """
        of_file = {entry.subject for entry in catalogue.entries if entry.source is Source.FILE}
        known = [entry.item for entry in catalogue.entries if entry.counts]
        versions: list[PriceVersion] = []
        others: list[BookEntry] = []
        named: list[str] = []
        for entry in proposals.entries:
            if entry.subject in of_file:
                named.append(entry.item.label)
            if isinstance(entry.item, PriceVersion):
                versions.append(entry.item)
            elif entry.subject not in of_file and entry.item not in known:
                others.append(entry)
        diffs = compare(catalogue.book, versions, at, concerns=matching(patterns))
        return cls(proposals, tuple(diffs), tuple(others), tuple(dict.fromkeys(named)))

    def additions(self) -> list[NewEntry]:
        """What is to be stored: all that is new or changed and not the file's."""
        prices = [
            diff.new
            for diff in self.diffs
            if diff.status in (Status.NEW, Status.CHANGED)
            and diff.new is not None
            and diff.new.label not in self.named_in_file
        ]
        return [
            *(NewEntry("price", body_of(version)) for version in prices),
            *(NewEntry(entry.kind, body_of(entry.item)) for entry in self.others),
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "prices": [diff.to_json() for diff in self.diffs],
            "others": [_other(entry) for entry in self.others],
            "named_in_file": list(self.named_in_file),
            "skipped": [
                {"model": skipped.model, "reason": skipped.reason}
                for skipped in self.proposals.skipped
            ],
            "left_out": [
                {"model": model, "fields": list(fields)}
                for model, fields in self.proposals.left_out
            ],
            "entries": [{"kind": each.kind, "body": each.body} for each in self.additions()],
        }


def _proposed(version: PriceVersion) -> BookEntry:
    return BookEntry(kind="price", item=version, source=Source.DATABASE)


def _other(entry: BookEntry) -> dict[str, Any]:
    return {"kind": entry.kind, "label": entry.item.label, "body": body_of(entry.item)}
