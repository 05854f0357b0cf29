"""What a run shows: a spinner for each step on a terminal, with its time and that of its last run; plain lines in a pipe."""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .freshness import took

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Progress:
    """Tells which steps run, for how long, and which did not have to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bar: Bar | None = None
        self.began: dict[str, float] = {}
        self.shown: dict[str, TaskID] = {}

    def begin(self, step: str) -> None:
        """A step runs."""
        self.began[step] = time.monotonic()
        if not sys.stdout.isatty():
            self._say(f"{step}: running")
            return
        usual = took(step, self.root)
        if self.bar is None:
            from rich.progress import Progress as Bar
            from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

            left = TextColumn("{task.fields[usual]}")
            self.bar = Bar(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), left, transient=True)
            self.bar.start()
        about = "" if usual is None else f"of about {dt.timedelta(seconds=round(usual))}"
        self.shown[step] = self.bar.add_task(step, usual=about)

    def done(self, step: str) -> None:
        """It has finished."""
        self._hide(step)
        self._say(f"{step}: done in {time.monotonic() - self.began[step]:.1f} s")

    def fresh(self, step: str) -> None:
        """It has nothing to do."""
        self._hide(step)
        self._say(f"{step}: unchanged")

    def failed(self, sentence: str) -> None:
        """A step failed, or something before it did."""
        self.stop()
        print(f"error: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 this is the place that prints

    def stop(self) -> None:
        """Nothing runs any more: give the terminal back its cursor."""
        if self.bar is not None:
            self.bar.stop()
            self.bar, self.shown = None, {}

    def _hide(self, step: str) -> None:
        if self.bar is not None and step in self.shown:
            self.bar.remove_task(self.shown.pop(step))
            if not self.shown:
                self.stop()

    def _say(self, line: str) -> None:
        print(f"{line}\n", end="", flush=True)  # noqa: T201 this is the place that prints
