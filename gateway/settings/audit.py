"""The audit trail: journal, streams to elsewhere, anchors."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from gateway.settings.section import Section, Slug


class AuditStreamSettings(Section):
    """A receiver of audit records as they come."""

    url: str = Field(
        description="`tcp://HOST:PORT` or `tls://HOST:PORT`: syslog (RFC 5424, octet counting);"
        " `https://HOST/v1/logs`: an OpenTelemetry collector (OTLP, JSON)."
    )
    tenants: list[str] | None = Field(
        default=None, description="Only theirs; null: all, and `_system` for what is no tenant's."
    )
    past: bool = Field(
        default=False, description="Begin with the oldest records; false: with those to come."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates to trust (PEM) in place of the system's."
    )
    client_cert_file: Path | None = Field(
        default=None, description="Our own certificate (PEM), where the receiver wants one."
    )
    client_key_file: Path | None = Field(
        default=None, description="Its key, if that is not in the same file."
    )
    authorization_env: str | None = Field(
        default=None,
        description="Environment variable with the value of the header `Authorization` (OTLP).",
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        parts = urlsplit(url)
        known = parts.scheme in ("tcp", "tls", "http", "https")
        if not known or not parts.hostname or (parts.scheme in ("tcp", "tls") and not parts.port):
            raise ValueError("use tcp://HOST:PORT, tls://HOST:PORT or https://HOST/v1/logs")
        return url


class AuditAnchorSettings(Section):
    kind: Literal["file", "rfc3161", "witness"] = Field(
        description="A file that only grows, a time-stamping authority, or a second party that"
        " counter-signs."
    )
    path: Path | None = Field(
        default=None, description="Of a `file`: on storage that keeps what is written (WORM)."
    )
    url: str | None = Field(
        default=None, description="Of the authority or the witness: `http://...` or `https://...`."
    )
    ca_file: Path | None = Field(
        default=None, description="Of an `rfc3161`: certificates (PEM) that its tokens lead to."
    )
    public_key_file: Path | None = Field(
        default=None, description="Of a `witness`: its Ed25519 public key (PEM or hex digits)."
    )
    every_s: int = Field(
        default=0,
        ge=0,
        description="Least seconds between two of one chain; 0: after each checkpoint.",
    )
    timeout_s: float = Field(default=10.0, gt=0, description="Seconds to wait for an answer.")

    @model_validator(mode="after")
    def _complete(self) -> "AuditAnchorSettings":
        needed = {
            "file": {"path"},
            "rfc3161": {"url", "ca_file"},
            "witness": {"url", "public_key_file"},
        }[self.kind]
        given = {
            name
            for name in ("path", "url", "ca_file", "public_key_file")
            if getattr(self, name) is not None
        }
        if given != needed:
            raise ValueError(f"an anchor of kind {self.kind} takes {' and '.join(sorted(needed))}")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError("use http://... or https://...")
        return self


class AuditSettings(Section):
    signing_key_file: Path | None = Field(
        default=None,
        description="Ed25519 private key (PEM); made in `data_dir` at first start if null.",
    )
    checkpoint_interval_s: int = Field(
        default=60, ge=1, description="Seconds between signed checkpoints of each tenant's chain."
    )
    min_free_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=0,
        description="Free disk below which requests are refused with 503, so that no record"
        " is lost.",
    )
    client_address: bool = Field(
        default=False, description="Write client addresses into audit records."
    )
    retention_days: int | None = Field(
        default=None,
        ge=1,
        description="Days that records are kept, where a policy does not say otherwise; null: for"
        " ever. Removed are records that a checkpoint covers, from the oldest on.",
    )
    max_stored_body_bytes: int = Field(
        default=64 * 1024,
        ge=1024,
        le=1024 * 1024,
        description="Most that is stored of a prompt, and of an answer, where a policy stores"
        " bodies; the rest is cut off, and the record says so.",
    )
    require_reason: bool = Field(
        default=False,
        description="Refuse administrative changes without a reason: the header"
        " `x-sovgate-reason`, or `--reason`.",
    )
    streams: dict[Slug, AuditStreamSettings] = Field(
        default={}, description="By name: where records go as they come."
    )
    anchors: dict[Slug, AuditAnchorSettings] = Field(
        default={},
        description="By name: who outside is shown each signed checkpoint, so that not even the"
        " holder of the signing key can recompute a chain unseen.",
    )
