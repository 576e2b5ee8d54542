"""The wall clock of a gateway that runs as ``support.clocked_gateway``."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WallClock:
    """How far the gateway's clock is off.

    Args:
        file: where that stands.
    """

    file: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the gateway needs to be told."""
        return {
            "SOVGATE_TEST_CLOCK": str(self.file),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }

    def off_by(self, seconds: int) -> None:
        part = self.file.with_suffix(".part")
        part.write_text(str(seconds))
        part.replace(self.file)
