"""Syslog: RFC 5424 messages, counted in octets, over TCP (RFC 6587) or TLS (RFC 5425).

Syslog knows no receipt, and bytes that a kernel took in may still be lost with the
program behind it. So each batch has a connection of its own: we end our side, and the
receiver, having read to that end, ends its own. A connection that ends in any other way
has delivered nothing, and the batch is sent again. A program that is killed also ends its
side, so it has to show that it still lives: it must take an empty connection next.
"""

import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.clock import isoformat
from gateway.audit.errors import DeliveryFailed
from gateway.audit.streams.record import StreamRecord
from gateway.egress import OF_THE_FILE, guarded_open

FACILITY = 13  # log audit
_WARNING, _INFORMATIONAL = 4, 6
_MAX_SEQUENCE_ID = 2**31 - 1
_BOM = b"\xef\xbb\xbf"  # what follows is UTF-8 (RFC 5424, section 6.4)
_SETTLE_S, _SETTLES = 0.05, 40


def message(record: StreamRecord, hostname: str) -> bytes:
    """One message with its count of octets in front.

    ``MSGID`` is the record's kind, the message its line of an export. The sequence id is
    the record's number, as far as the RFC's 31 bits reach.
    """
    priority = FACILITY * 8 + (_WARNING if record.unusual else _INFORMATIONAL)
    sequence = (record.seq - 1) % _MAX_SEQUENCE_ID + 1
    head = f"<{priority}>1 {isoformat(record.time)} {hostname} sovgate - {record.kind}"
    data = head.encode() + f' [meta sequenceId="{sequence}"] '.encode()
    data += _BOM + record.line.encode()
    return b"%d %b" % (len(data), data)


@dataclass(frozen=True, slots=True)
class SyslogReceiver:
    """A receiver at an address.

    Args:
        tls: for ``tls://``; checks the receiver's certificate against the host's name.
        timeout_s: for the whole of one batch.
    """

    host: str
    port: int
    hostname: str
    tls: ssl.SSLContext | None = None
    timeout_s: float = 10.0

    async def send(self, records: Sequence[StreamRecord]) -> None:
        data = b"".join(message(record, self.hostname) for record in records)
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._deliver(data)
                await self._deliver(b"")
        except (OSError, ssl.SSLError, TimeoutError) as error:
            raise DeliveryFailed(f"syslog: {type(error).__name__}") from error

    async def close(self) -> None:
        """Nothing stays open between batches."""

    async def _deliver(self, data: bytes) -> None:
        options: dict[str, Any] = {}
        if self.tls is not None:
            options = {"ssl": self.tls, "ssl_shutdown_timeout": self.timeout_s}
        reader, writer = await guarded_open(
            OF_THE_FILE, "audit stream", self.host, self.port, **options
        )
        try:
            writer.write(data)
            await writer.drain()
            if reader.at_eof():
                raise ConnectionResetError  # it went before we had ended
            if self.tls is None:
                writer.write_eof()
                await _read_to_end(reader)
                await _settled(writer)
        except BaseException:
            writer.transport.abort()
            raise
        writer.close()  # in TLS: sends close_notify and waits for the receiver's
        await writer.wait_closed()


async def _read_to_end(reader: asyncio.StreamReader) -> None:
    """Until the receiver ends its side; a reset raises."""
    while await reader.read(4096):
        pass  # a receiver has nothing to say


async def _settled(writer: asyncio.StreamWriter) -> None:
    """Until the receiver's kernel has confirmed our last byte.

    A receiver that went before our data came also ends its side; its kernel answers the
    data with a reset instead.
    """
    sock = writer.get_extra_info("socket")
    for _ in range(_SETTLES):
        unconfirmed = _unconfirmed(sock)
        if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "the receiver reset the connection")
        if not unconfirmed:
            return
        await asyncio.sleep(_SETTLE_S)
    raise ConnectionResetError


def _unconfirmed(sock: Any) -> int:
    """Bytes sent that the other side has not confirmed (Linux tells)."""
    if sys.platform != "linux":
        return 0
    import fcntl
    import termios

    return struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
