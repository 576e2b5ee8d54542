"""A second party that counter-signs checkpoints, and remembers what it has signed.

Its file is its memory and its evidence: a chain whose owner recomputes it is
refused from then on, and can be convicted by the lines signed before.
"""

import os
from pathlib import Path

from core.clock import Clock, isoformat
from gateway.audit.anchors import Judges, read_anchors, witness_line
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.errors import AnchorFailed
from gateway.audit.keys import SigningKey


class Witness:
    """Counter-signs into one file, which only grows.

    Args:
        operators: keys that may have signed the checkpoints; empty accepts any.

    Raises:
        AnchorFailed: a line of the file is not this key's.
    """

    def __init__(
        self,
        name: str,
        key: SigningKey,
        file: Path,
        clock: Clock,
        operators: frozenset[str] = frozenset(),
    ) -> None:
        self._name, self._key, self._file, self._clock = name, key, file, clock
        self._operators = operators
        self._newest: dict[str, Checkpoint] = {}
        if file.exists():
            book = read_anchors(file, Judges(witnesses=(key.public_key,)))
            if book.forged:
                raise AnchorFailed(f"{file}, line {book.forged[0][0]}: {book.forged[0][1]}")
            for tenant, by_seq in book.anchors.items():
                self._newest[tenant] = by_seq[max(by_seq)][0].checkpoint

    def countersign(self, checkpoint: Checkpoint) -> bytes:
        """The line of evidence, which is on disk when this returns.

        Raises:
            AnchorFailed: the checkpoint is not the operator's, or contradicts one
                that was counter-signed before.
        """
        if self._operators and checkpoint.public_key not in self._operators:
            raise AnchorFailed(f"The checkpoint is signed by another key, {checkpoint.key_id}.")
        if not checkpoint.holds() or checkpoint.first_seq != 1 or checkpoint.root is None:
            raise AnchorFailed("This is no valid checkpoint of a whole chain.")
        before = self._newest.get(checkpoint.tenant)
        if before is not None:
            _check_growth(before, checkpoint)
        line = witness_line(self._name, checkpoint, isoformat(self._clock.now()), self._key)
        append_line(self._file, line)
        self._newest[checkpoint.tenant] = checkpoint
        return line


def _check_growth(before: Checkpoint, now: Checkpoint) -> None:
    if now.last_seq < before.last_seq:
        raise AnchorFailed(
            f"The chain of {now.tenant} had {before.last_seq} records before, and has "
            f"{now.last_seq} now."
        )
    same = now.last_seq == before.last_seq
    if same and (now.root, now.last_hash) != (before.root, before.last_hash):
        raise AnchorFailed(f"The chain of {now.tenant} was recomputed.")


def append_line(file: Path, line: bytes) -> None:
    """Append durably; behind a line that a crash has torn, begin a new one."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = b"\n" + line if torn else line
        if os.write(descriptor, data) != len(data):
            raise OSError("the disk took only a part of the line")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
