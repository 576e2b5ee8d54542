"""Recognizers of each tenant: from its policy's file and from the database, ready for the engine.

``RecognizerBook.of(tenant, policy)`` is what the pipeline asks; the admin API writes the rows.
"""

from gateway.recognizers.book import RecognizerBook
from gateway.recognizers.policies import PolicyRecognizers, check_policies
from gateway.recognizers.sealing import Sealer
from gateway.recognizers.service import RecognizerService, StoredRecognizer

__all__ = [
    "PolicyRecognizers",
    "RecognizerBook",
    "RecognizerService",
    "Sealer",
    "StoredRecognizer",
    "check_policies",
]
