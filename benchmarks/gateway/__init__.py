"""What a gateway adds to a request: ours beside a bare proxy and LiteLLM's, in one run."""
