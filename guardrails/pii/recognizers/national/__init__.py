"""National numbers, one region a file: what they look like and the words they stand beside."""

from guardrails.pii.recognizers.national.kinds import Kind, kinds

__all__ = ["Kind", "kinds"]
