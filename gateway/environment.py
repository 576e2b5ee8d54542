"""Secrets from the environment, which the settings only name."""

from collections.abc import Mapping

from gateway.errors import SettingsError


def secret(environ: Mapping[str, str], variable: str, whose: str, what: str = "a secret") -> str:
    """The value of a variable.

    Raises:
        SettingsError: it is not set; says that ``whose`` wants ``what`` there.
    """
    value = environ.get(variable)
    if not value:
        raise SettingsError(
            f"{whose} wants {what} in the environment variable {variable}, which is not set."
        )
    return value
