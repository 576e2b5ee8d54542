"""Made-up values of the same kind, language and form as a real one."""

from guardrails.pii.masking.surrogates.maker import Surrogates

__all__ = ["Surrogates"]
