"""Which version runs."""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version


@lru_cache(maxsize=1)
def product_version() -> str:
    try:
        return version("sovgate")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "source"
