"""Bodies that a policy wants kept: masked prompts and answers, sealed before the journal.

A body belongs to an audit record, which holds the digest of its sealed bytes. docs/content.md
says what is kept, who may read it and what remains when it is removed.
"""

from gateway.archive.errors import ArchiveError, BodyGone, BodyNotFound
from gateway.archive.sealer import BodySealer
from gateway.archive.service import Archive
from gateway.archive.sink import BodySink

__all__ = ["Archive", "ArchiveError", "BodyGone", "BodyNotFound", "BodySealer", "BodySink"]
