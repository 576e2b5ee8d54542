"""HTTP as the hot path needs it: bodies, answers and server-sent events over plain ASGI."""
