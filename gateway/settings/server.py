"""The gateway's process: address, database, Redis, secrets, bounds of a request, guards, vault."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from gateway.settings.section import Section


class ServerSettings(Section):
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port; 0 picks a free one.")
    workers: int = Field(
        default=1, ge=1, le=64, description="Gateway processes; more than one needs `redis.url`."
    )
    max_body_bytes: int = Field(
        default=8 * 1024 * 1024,
        ge=1024,
        description="Largest request body; beyond it the answer is 413.",
    )
    shutdown_grace_s: int = Field(
        default=30, ge=0, description="Seconds that running streams get to finish at shutdown."
    )
    secure_cookies: bool = Field(
        default=False,
        description="Mark admin cookies Secure; set it wherever the UI is behind HTTPS.",
    )
    trusted_proxies: list[str] = Field(
        default=[],
        description="Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are"
        " believed, such as `10.0.0.0/8`; without them every client could name its own.",
    )
    max_connections: int = Field(
        default=4096, ge=1, description="Clients a process serves at a time; beyond it: 503."
    )
    max_header_bytes: int = Field(
        default=32 * 1024,
        ge=1024,
        description="Largest request head (431), half of it for the address alone (414).",
    )
    header_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds until a request's head must be whole."
    )
    body_timeout_s: float = Field(
        default=60.0, gt=0, description="Seconds from then until its body must be whole."
    )
    write_timeout_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds that a client may leave unread what was sent to it before the"
        " connection is closed and its request settled.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            if ip_network(proxy, strict=False).prefixlen == 0:
                raise ValueError("name the proxies, not the whole network")
        return proxies


class DatabaseSettings(Section):
    url: str = Field(
        default="sqlite+aiosqlite:///./data/sovgate.db",
        description="`sqlite+aiosqlite:///FILE` or `postgresql+asyncpg://USER:PASSWORD@HOST/NAME`"
        " (from the environment where it holds a password).",
    )
    pool_size: int = Field(
        default=10, ge=1, description="Connections a process keeps on PostgreSQL."
    )
    timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="Longest that a request waits for the database; one that takes longer counts"
        " as away. Giving up a connection takes up to two seconds more.",
    )
    start_timeout_s: float = Field(
        default=60.0,
        ge=0,
        description="How long a start waits for a database that does not answer yet.",
    )

    @field_validator("url")
    @classmethod
    def _known_driver(cls, url: str) -> str:
        if not url.startswith(("sqlite+aiosqlite://", "postgresql+asyncpg://")):
            raise ValueError("use sqlite+aiosqlite:///FILE or postgresql+asyncpg://...")
        return url


class RedisSettings(Section):
    url: str | None = Field(
        default=None,
        description="`redis://...` of Redis or Valkey: shared limits and the job queue.",
    )


class SecuritySettings(Section):
    pepper_file: Path | None = Field(
        default=None,
        description="Secret of the keyed hashes of API keys and end users, at least 32 bytes;"
        " made in `data_dir` at first start if null. Replicas must share it.",
    )


class VaultSettings(Section):
    enabled: bool = Field(
        default=True,
        description="Remember over turns which token or surrogate stands for which value.",
    )
    required: bool = Field(
        default=False,
        description="Refuse requests with personal data (503) while the vault does not answer;"
        " false: serve them with fresh tokens, which may differ from those of earlier turns.",
    )
    ttl_s: int = Field(
        default=7 * 24 * 3600,
        ge=60,
        description="Seconds that a conversation is remembered after its latest turn.",
    )
    master_key_file: Path | None = Field(
        default=None,
        description="Key over all tenants' vault keys, 64 hex digits; made in `data_dir` at first"
        " start if null. Replicas must share it. Erasing changes it.",
    )
    master_key_env: str | None = Field(
        default=None,
        description="Environment variable with that key in place of a file; whoever sets it must"
        " change it after erasing.",
    )
    conversations: int = Field(
        default=10_000, ge=1, description="Conversations that a process holds in memory."
    )


class LimitSettings(Section):
    max_output_tokens: int = Field(
        default=4096, ge=1, description="Output limit sent upstream where the client sets none."
    )
    max_messages: int = Field(default=2000, ge=1, description="Most messages a request may hold.")
    max_upload_bytes: int = Field(
        default=32 * 1024 * 1024,
        ge=1024,
        description="Largest form with audio or images; beyond it the answer is 413. It is held in"
        " memory while the request lasts.",
    )


class GuardSettings(Section):
    processes: Annotated[int, Field(ge=0, le=64)] = Field(
        default=1,
        description="Processes for long texts, started with the first; 0: none, all in a thread.",
    )
    ner: Literal["sovgate", "spacy", "transformers", "none"] = Field(
        default="sovgate",
        description="Who finds names: our taggers, spaCy's English model, `ner_model`, nobody.",
    )
    ner_model: Path | None = Field(
        default=None,
        description="Folder of a token-classification model; needs `transformers` and `torch`.",
    )
    cached_findings: int = Field(
        default=50_000,
        ge=1,
        description="Findings of texts seen before that a process remembers, about 0.3 KB each.",
    )

    @model_validator(mode="after")
    def _model_where_one_is_needed(self) -> "GuardSettings":
        if self.ner == "transformers" and (self.ner_model is None or not self.processes):
            raise ValueError("ner: transformers needs ner_model, and processes of 1 or more")
        return self
