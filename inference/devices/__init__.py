"""What a device is and can do, asked before a weight is loaded."""

from inference.devices.capabilities import Capabilities
from inference.devices.examine import examine
from inference.devices.memory import MemoryNeed, memory_need

__all__ = ["Capabilities", "MemoryNeed", "examine", "memory_need"]
