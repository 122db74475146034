"""How large and how often everything is measured: as the published figures are, or small, to try it out."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Bench:
    """One run of the benchmarks.

    Args:
        folder: where everything is made.
        scale: 1 for the published sizes; 0.01 measures a hundredth, once instead of several times.
    """

    folder: Path
    scale: float = 1.0
    made: dict[Any, Any] = field(default_factory=dict)
    """What one part has measured or built and another can use, by what it is."""

    def count(self, full: int, least: int = 1) -> int:
        """A size at this scale."""
        return max(least, round(full * self.scale))

    def times(self, full: int) -> int:
        """How often to measure something."""
        return full if self.scale >= 1 else 1

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A new folder, gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            yield Path(name)
