"""What applications do with their SDKs, as programs that are pointed at a gateway.

Each program takes ``BASE_URL API_KEY MODEL EMBEDDING_MODEL [ONLY...]``, runs its scenarios and
prints one JSON line a scenario: ``{"scenario", "ok", "error"}``. They run in environments of
their own, so they import nothing of this project but ``scenarios``, which lies beside them.
"""
