"""One model in several processes: experts and widths shared, rows exchanged on the way."""

from inference.parallel.layout import Layout
from inference.parallel.leading import LeadingModel
from inference.parallel.placement import Placement, balance, even
from inference.parallel.plan import Plan
from inference.parallel.start import follow_launched, launched_rank, lead

__all__ = [
    "Layout",
    "LeadingModel",
    "Placement",
    "Plan",
    "balance",
    "even",
    "follow_launched",
    "launched_rank",
    "lead",
]
