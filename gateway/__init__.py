"""The gateway: composes guards, routing, billing and audit into one request path.

It never imports torch; models run in worker processes (``inference``).
"""
