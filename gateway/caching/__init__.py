"""Answers kept for requests that come again, per tenant and only where a policy wants it.

Kept is what the upstream said, masked, before anything was restored; a hit is inspected and
restored as every answer is, with the values of the request that gets it (docs/caching.md).
"""

from gateway.caching.building import open_cache, wants_cache
from gateway.caching.cache import AnswerCache
from gateway.caching.stage import CachedCall

__all__ = ["AnswerCache", "CachedCall", "open_cache", "wants_cache"]
