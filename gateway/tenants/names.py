"""What names and addresses may look like, for every way in."""

import re

from gateway.tenants.errors import InvalidValue

SLUG_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
NAME_PATTERN = r"^[^\x00-\x1f\x7f]+$"
NAME_LENGTH = 120
EMAIL_PATTERN = r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}$"
PASSWORD_LENGTH = 12


def check_slug(value: str) -> str:
    """A tenant's name. Raises: InvalidValue."""
    if not re.fullmatch(SLUG_PATTERN, value):
        raise InvalidValue(
            "A tenant's name has lower-case letters, digits, hyphens and underscores, "
            "63 at most, and starts with a letter or digit.",
            param="name",
        )
    return value


def check_name(value: str) -> str:
    """The name of a project or key. Raises: InvalidValue."""
    if len(value) > NAME_LENGTH or not re.fullmatch(NAME_PATTERN, value):
        raise InvalidValue(
            f"A name has 1 to {NAME_LENGTH} characters and no control characters.", param="name"
        )
    return value


def check_email(value: str) -> str:
    """An account's address. Raises: InvalidValue."""
    if not re.fullmatch(EMAIL_PATTERN, value):
        raise InvalidValue("This is no e-mail address.", param="email")
    return value


def check_password(value: str) -> str:
    """A password that was chosen. Raises: InvalidValue."""
    if not PASSWORD_LENGTH <= len(value) <= 256:
        raise InvalidValue(
            f"A password needs {PASSWORD_LENGTH} to 256 characters.", param="password"
        )
    return value
