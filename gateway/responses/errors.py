"""What can go wrong with stored responses and with requests for them.

InvalidRequest
├── ResponseNotFound           unknown, deleted, expired, erased or somebody else's
├── PreviousResponseNotFound   the same of what ``previous_response_id`` needs
├── ItemNotFound               of an ``item_reference``
├── ResponseNotCancellable     it was not made in the background
├── UnknownParameter           no such field
├── UnsupportedParameter       a field that this gateway cannot honour
├── UnsupportedTool            a tool that would run at the provider
└── InvalidEncryptedContent    reasoning that was not sealed here, or for another tenant
"""

from gateway.errors import InvalidRequest, NotFound


class ResponseNotFound(NotFound):
    """There is no such response for the caller."""

    code = "response_not_found"


class PreviousResponseNotFound(InvalidRequest):
    """An earlier turn that the request builds on is not there."""

    code = "previous_response_not_found"


class ItemNotFound(InvalidRequest):
    """A referenced item is in no stored response of the caller."""

    code = "item_not_found"


class ResponseNotCancellable(InvalidRequest):
    """Only background responses could be cancelled."""

    code = "response_not_cancellable"


class UnknownParameter(InvalidRequest):
    """The API has no such field."""

    code = "unknown_parameter"


class UnsupportedParameter(InvalidRequest):
    """The API has the field, this gateway does not honour it."""

    code = "unsupported_parameter"


class UnsupportedTool(InvalidRequest):
    """A tool that is no function: it would run at a provider, past the guards."""

    code = "unsupported_tool"


class InvalidEncryptedContent(InvalidRequest):
    """Encrypted reasoning that cannot be opened for this tenant."""

    code = "invalid_encrypted_content"
