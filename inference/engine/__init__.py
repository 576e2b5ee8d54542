"""The engine: continuous batching over a paged key/value cache. Needs torch; never imported
by the gateway."""
