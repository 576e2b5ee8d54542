"""Makes a mixture-of-experts checkpoint from a dense GGUF model.

Run by ``sovgate model convert``; nothing here is loaded when a worker serves.
"""
