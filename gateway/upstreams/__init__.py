"""Upstreams: where models run. ``open_gate`` makes them from the settings; ``UpstreamDesk``
adds those that administrators set. The only way to send to one is ``Gate.clear``."""

from gateway.upstreams.base import Health, Reply, UpstreamRequest
from gateway.upstreams.building import open_gate
from gateway.upstreams.gate import Deployed, Gate, Passage

__all__ = ["Deployed", "Gate", "Health", "Passage", "Reply", "UpstreamRequest", "open_gate"]
