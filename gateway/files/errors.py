"""Errors of uploaded files.

    InvalidRequest
    ├── InvalidFile
    ├── FileTooLarge
    ├── FileStorageFull
    ├── FileInUse
    └── FileNotFound

``gateway/http/errors.py`` holds the one map from classes to HTTP.
"""

from gateway.errors import InvalidRequest


class InvalidFile(InvalidRequest):
    """The upload is no form with a file and a purpose."""

    code = "invalid_file"


class FileTooLarge(InvalidRequest):
    """It exceeds ``files.max_file_bytes``."""

    code = "file_too_large"


class FileStorageFull(InvalidRequest):
    """The tenant's files would exceed ``files.max_tenant_bytes``."""

    code = "file_storage_full"


class FileInUse(InvalidRequest):
    """A batch still reads it."""

    code = "file_in_use"


class FileNotFound(InvalidRequest):
    """There is none of this id in the key's project."""

    code = "file_not_found"
