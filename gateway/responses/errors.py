"""What can go wrong with stored responses and with requests for them.

InvalidRequest
├── ResponseNotFound           unknown, deleted, expired, erased or somebody else's
├── PreviousResponseNotFound   the same of what ``previous_response_id`` needs
├── ItemNotFound               of an ``item_reference``
├── ResponseNotCancellable     it was not made in the background
├── UnknownParameter           no such field
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


class InvalidEncryptedContent(InvalidRequest):
    """Encrypted reasoning that cannot be opened for this tenant."""

    code = "invalid_encrypted_content"
