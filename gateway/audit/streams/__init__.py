"""Audit records as they come, to syslog or OpenTelemetry receivers elsewhere.

    Streamer (a task, one replica at a time)
        reads what joined the chains behind its cursors, in order
        -> Receiver.send: syslog.py (RFC 5424 over TCP or TLS), otlp.py (OTLP/HTTP, JSON)
        -> moves the cursors, in the database

Each record arrives at least once, those of a tenant in the order of its chain. Requests
never wait for it.
"""

from gateway.audit.streams.building import open_streams
from gateway.audit.streams.streamer import Streamer, StreamState

__all__ = ["StreamState", "Streamer", "open_streams"]
