"""OTLP logs over HTTP in the JSON encoding: one request a batch, answered when it is taken.

https://opentelemetry.io/docs/specs/otlp/#otlphttp. The encoding is the protocol's own
and needs neither its SDK nor protobuf.
"""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from gateway.audit.errors import DeliveryFailed
from gateway.audit.streams.record import StreamRecord
from gateway.egress import OF_THE_FILE, guarded_connector
from gateway.version import product_version

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INFO, _WARN = (9, "INFO"), (13, "WARN")
_log = structlog.get_logger(__name__)


def logs_request(records: Sequence[StreamRecord], hostname: str) -> dict[str, Any]:
    """An ``ExportLogsServiceRequest``; the body of each log record is its line of an export."""
    return {
        "resourceLogs": [
            {
                "resource": {
                    "attributes": [
                        _attribute("service.name", "sovgate"),
                        _attribute("service.version", product_version()),
                        _attribute("host.name", hostname),
                    ]
                },
                "scopeLogs": [
                    {
                        "scope": {"name": "sovgate.audit"},
                        "logRecords": [_log_record(record) for record in records],
                    }
                ],
            }
        ]
    }


def _log_record(record: StreamRecord) -> dict[str, Any]:
    number, text = _WARN if record.unusual else _INFO
    nanoseconds = (record.time - _EPOCH) // timedelta(microseconds=1) * 1000
    return {
        "timeUnixNano": str(nanoseconds),
        "observedTimeUnixNano": str(nanoseconds),
        "severityNumber": number,
        "severityText": text,
        "eventName": f"sovgate.audit.{record.kind}",
        "body": {"stringValue": record.line},
        "attributes": [
            _attribute("sovgate.tenant", record.tenant),
            _attribute("sovgate.record.id", record.request_id),
            {"key": "sovgate.record.seq", "value": {"intValue": str(record.seq)}},
        ],
    }


def _attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


class OtlpReceiver:
    """A collector's ``/v1/logs``.

    Args:
        authorization: the value of the header, if it wants one.
        timeout_s: for the whole of one batch.
    """

    def __init__(
        self,
        url: str,
        hostname: str,
        *,
        tls: ssl.SSLContext | None = None,
        authorization: str | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._url = url
        self._hostname = hostname
        self._tls = tls
        self._headers = {"Content-Type": "application/json"}
        if authorization is not None:
            self._headers["Authorization"] = authorization
        self._timeout_s = timeout_s
        self._client: Any = None

    async def send(self, records: Sequence[StreamRecord]) -> None:
        import aiohttp

        content = msgspec.json.encode(logs_request(records, self._hostname))
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session().post(
                    self._url,
                    data=content,
                    headers=self._headers,
                    ssl=self._tls if self._tls is not None else True,
                    allow_redirects=False,
                ) as answer,
            ):
                text = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DeliveryFailed(f"otlp: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise DeliveryFailed(f"otlp: HTTP {status}")
        _check_accepted(text)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _session(self) -> Any:
        import aiohttp

        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=guarded_connector(OF_THE_FILE, "audit stream")
            )
        return self._client


def _check_accepted(text: bytes) -> None:
    """The protocol forbids to send again what a collector has refused for good: say so."""
    try:
        partial = msgspec.json.decode(text or b"{}").get("partialSuccess") or {}
        rejected = int(partial.get("rejectedLogRecords") or 0)
    except (msgspec.DecodeError, AttributeError, TypeError, ValueError):
        rejected = 0  # an answer in protobuf, or none
    if rejected:
        _log.error("audit.stream_rejected", records=rejected)
