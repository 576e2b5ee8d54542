"""Files that clients upload and batches write: sealed, bounded, of one project each."""

from gateway.files.store import FileScope, FileStore, FileWriter, StoredFile

__all__ = ["FileScope", "FileStore", "FileWriter", "StoredFile"]
