"""Makes a mixture-of-experts checkpoint from a dense GGUF model, or a narrower one of another.

Run by ``sovgate model convert``; nothing here is loaded when a worker serves.
"""
