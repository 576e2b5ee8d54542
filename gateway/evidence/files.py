"""Evidence packs as files: the signed JSON, pages for people, or all of it with the records."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from gateway.audit.keys import Signer
from gateway.evidence.collect import collect
from gateway.evidence.document import document
from gateway.evidence.html import render_html
from gateway.evidence.signing import pack_bytes, sign_pack
from gateway.retention.rules import RetentionRules
from gateway.settings import PolicySettings, Settings

EvidenceFormat = Literal["json", "html", "pdf", "zip"]
FORMATS: tuple[EvidenceFormat, ...] = get_args(EvidenceFormat)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same pack gives the same archive
_README = """Evidence of a span of time, made by Sovgate of a tenant's audit trail.

evidence.json   the original: canonical JSON, signed; sovgate audit check-report evidence.json
evidence.html   the same for people
evidence.pdf    the same for people
records.jsonl   the records of the span, with a signed end; sovgate audit verify records.jsonl

Compare the key that both name with the operator's public key, received on another way.
"""


@dataclass(frozen=True, slots=True)
class EvidenceMaker:
    """What packs of one deployment are made with.

    Args:
        font: a TrueType file for PDFs, for what DejaVu Sans lacks.
    """

    signer: Signer
    clock: Clock
    rules: RetentionRules
    policies: Mapping[str, PolicySettings]
    font: Path | None = None

    @classmethod
    def of(cls, settings: Settings, signer: Signer, clock: Clock) -> "EvidenceMaker":
        rules = RetentionRules.of(settings)
        return cls(signer, clock, rules, settings.policies, settings.invoicing.font)

    async def make(
        self, session: AsyncSession, tenant: str, start: datetime, end: datetime
    ) -> dict[str, Any]:
        """The signed pack; ``session`` is of a snapshot."""
        key = self.signer.current()
        pack = await collect(
            session,
            tenant,
            start,
            end,
            public_keys=[key.public_key],
            rules=self.rules,
            policies=self.policies,
            now=self.clock.now(),
        )
        return sign_pack(pack, key)

    async def write(
        self,
        session: AsyncSession,
        tenant: str,
        start: datetime,
        end: datetime,
        file_format: EvidenceFormat,
        out: BinaryIO,
    ) -> dict[str, Any]:
        """Write the pack in a format, and return it."""
        pack = await self.make(session, tenant, start, end)
        if file_format == "zip":
            records = io.BytesIO()
            await self._export(session, tenant, start, end, records)
            self._zip(pack, records.getvalue(), out)
        else:
            out.write(self._file(pack, file_format))
        return pack

    def _file(self, pack: dict[str, Any], file_format: EvidenceFormat) -> bytes:
        if file_format == "json":
            return pack_bytes(pack)
        if file_format == "html":
            return render_html(document(pack)).encode()
        from gateway.evidence.pdf import write_pdf  # pulls reportlab

        pages = io.BytesIO()
        write_pdf(document(pack), pages, self.font)
        return pages.getvalue()

    async def _export(
        self, session: AsyncSession, tenant: str, start: datetime, end: datetime, out: BinaryIO
    ) -> None:
        from gateway.audit.export import export  # pulls pyarrow

        await export(session, tenant, start, end, "jsonl", out, key=self.signer, clock=self.clock)

    def _zip(self, pack: dict[str, Any], records: bytes, out: BinaryIO) -> None:
        files = {"README.txt": _README.encode()}
        files |= {f"evidence.{name}": self._file(pack, name) for name in ("json", "html", "pdf")}
        files["records.jsonl"] = records
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
