"""What is done about upstreams that fail (docs/resilience.md).

Each part is plain logic with a clock that is given to it; ``Sender`` puts them around one
upstream. With all of them idle a request costs a few counters: no task, no lock.
"""

from gateway.upstreams.resilience.attempts import Attempt
from gateway.upstreams.resilience.queue import Turn
from gateway.upstreams.resilience.sender import Sender
from gateway.upstreams.resilience.standing import Standing

__all__ = ["Attempt", "Sender", "Standing", "Turn"]
