"""Answers in this process: bounded in bytes, the ones unused for longest go first."""

from collections import OrderedDict

from gateway.caching.entry import Entry


class MemoryStore:
    """Use it from one event loop.

    Args:
        most_bytes: of all answers together; an answer that is larger on its own is not kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, now: float) -> Entry | None:
        """``now``: seconds since 1970."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires <= now:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        self.drop(key)
        if entry.size > self._most:
            return
        self._entries[key] = entry
        self.bytes += entry.size
        while self.bytes > self._most:
            _, oldest = self._entries.popitem(last=False)
            self.bytes -= oldest.size

    def drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.size
