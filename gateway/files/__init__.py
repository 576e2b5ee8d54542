"""Files that clients upload and batches write: sealed, bounded, of one project each."""

from gateway.files.store import FileReader, FileScope, FileStore, FileWriter, StoredFile

__all__ = ["FileReader", "FileScope", "FileStore", "FileWriter", "StoredFile"]
