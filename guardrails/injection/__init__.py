"""Injection: does a text try to take over the model, or to free it from its rules?"""

from guardrails.injection.guard import InjectionGuard

__all__ = ["InjectionGuard"]
