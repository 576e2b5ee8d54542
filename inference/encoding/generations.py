"""What differs between the checkpoints of the DeepSeek-V4 family in the prompts that they know.

The texts are DeepSeek's own (package deepseek-recipe, MIT; the April texts: vLLM's encoder).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from inference.encoding.tokens import SYSTEM

Effort = Literal["low", "high", "max"]

_ABSOLUTE = (
    "Reasoning Effort: Absolute maximum with no shortcuts permitted.\n"
    "You MUST be very thorough in your thinking and comprehensively decompose the problem to "
    "resolve the root cause, rigorously stress-testing your logic against all potential paths, "
    "edge cases, and adversarial scenarios.\n"
    "Explicitly write out your entire deliberation process, documenting every intermediate step, "
    "considered alternative, and rejected hypothesis to ensure absolutely no assumption is left "
    "unchecked.\n\n"
)
_BEYOND = (
    "Reasoning Effort: Beyond maximum — exhaustive, relentless, and uncompromising.\n"
    "You MUST reason with the utmost depth and rigor, leaving absolutely nothing to chance: "
    "exhaustively decompose the problem into its most fundamental components, trace every causal "
    "chain to its root, and resolve the underlying cause rather than any surface symptom.\n"
    "Do not stop reasoning until you have independently verified the solution from multiple "
    "angles and are certain that no assumption remains unchecked and no error remains "
    "undiscovered.\n\n"
)


def _share(percent: int) -> str:
    return (
        f"Reasoning Effort: {percent} (range 1-100, the higher the value, the more thorough the "
        "reasoning)\n\n"
    )


@dataclass(frozen=True, slots=True)
class Generation:
    """``efforts``: the text before the system prompt when the model thinks, by effort."""

    name: str
    efforts: Mapping[Effort, str]
    system_token: str = ""  # opens the system turn, for generations that have such a turn
    block: str = "tool_calls"  # the word of the tag around an answer's calls
    bare: str = ""  # what a call without parameters holds
    gap: str = ""  # between the mark and the word of a DSML tag


APRIL = Generation("deepseek-v4", {"low": "", "high": "", "max": _ABSOLUTE})
AUGUST = Generation("deepseek-v4-0731", {"low": "", "high": _ABSOLUTE, "max": _BEYOND})
V41 = Generation(
    "deepseek-v4.1",
    {"low": _share(50), "high": _share(75), "max": _share(100)},
    system_token=SYSTEM,
    block="calls",
    bare="\n",
    gap=" ",
)
GENERATIONS = {generation.name: generation for generation in (APRIL, AUGUST, V41)}
