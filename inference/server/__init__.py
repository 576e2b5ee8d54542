"""The OpenAI-compatible HTTP server around an engine: plain ASGI, its own process."""
