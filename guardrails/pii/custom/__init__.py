"""A tenant's own recognizers: patterns, deny lists, allow lists and context words.

>>> spec = RecognizerSpec(
...     name="badge", entity="BADGE_ID", patterns=[PatternSpec(regex=r"\\bAC-[0-9]{5}\\b")]
... )
>>> built = build(Sources((Source(spec, "1"),)))
>>> found = built.recognizers[0].analyze("My badge is AC-20417.", ["BADGE_ID"])
>>> [(each.start, each.end, each.score) for each in found]
[(12, 20, 0.85)]
"""

from guardrails.pii.custom.definition import (
    AllowList,
    ContextSpec,
    DenyList,
    PatternSpec,
    RecognizerSpec,
)
from guardrails.pii.custom.registry import RegistryFile
from guardrails.pii.custom.tenant import Source, Sources, TenantRecognizers, build

__all__ = [
    "AllowList",
    "ContextSpec",
    "DenyList",
    "PatternSpec",
    "RecognizerSpec",
    "RegistryFile",
    "Source",
    "Sources",
    "TenantRecognizers",
    "build",
]
