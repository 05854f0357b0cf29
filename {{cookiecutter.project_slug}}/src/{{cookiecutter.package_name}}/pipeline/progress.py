"""What a run shows: a spinner on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Progress:
    """Tells which step runs, for how long, and which did not have to."""

    def __init__(self) -> None:
        self.bar: Bar | None = None
        self.began = 0.0

    def begin(self, step: str) -> None:
        """A step runs."""
        self.began = time.monotonic()
        if not sys.stdout.isatty():
            self._say(f"{step}: running")
            return
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self.bar = Bar(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True)
        self.bar.add_task(step)
        self.bar.start()

    def done(self, step: str) -> None:
        """It has finished."""
        self.stop()
        self._say(f"{step}: done in {time.monotonic() - self.began:.1f} s")

    def fresh(self, step: str) -> None:
        """It has nothing to do."""
        self._say(f"{step}: unchanged")

    def failed(self, sentence: str) -> None:
        """It failed, or something before it did."""
        self.stop()
        print(f"error: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 this is the place that prints

    def stop(self) -> None:
        """Nothing runs any more: give the terminal back its cursor."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def _say(self, line: str) -> None:
        print(line, flush=True)  # noqa: T201 this is the place that prints
