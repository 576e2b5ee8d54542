"""How the weights of ``guardrails.pii.names_zh`` are made; not loaded at run time."""
