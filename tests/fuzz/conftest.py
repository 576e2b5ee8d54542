"""How much is tried: the same few examples in every run of the suite, others in ``make fuzz``."""

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = int(os.environ.get("SOVGATE_FUZZ_EXAMPLES", "0"))

settings.register_profile(
    "fuzz",
    max_examples=_EXAMPLES or 50,
    derandomize=not _EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("fuzz")
