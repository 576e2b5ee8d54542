"""The detectors of one gateway process: where they run, what they found before."""

from gateway.guarding.guards import Guards, Inspection
from guardrails.detectors import Judgement

__all__ = ["Guards", "Inspection", "Judgement"]
