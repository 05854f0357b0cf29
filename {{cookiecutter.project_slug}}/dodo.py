"""The pipeline's engine: doit orders the steps, runs those that are not fresh, and stops at the one that fails.

`make run` and `{{ cookiecutter.project_slug }} run` come here, and so does a plain `doit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit.exceptions import TaskFailed
from doit.reporter import ConsoleReporter

from {{ cookiecutter.package_name }}.pipeline.freshness import is_fresh
from {{ cookiecutter.package_name }}.pipeline.progress import Progress
from {{ cookiecutter.package_name }}.pipeline.runner import run_step
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS, Step, ordered
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.settings import Settings, read_settings

ROOT = Path(__file__).parent


class Reporter(ConsoleReporter):  # type: ignore[misc]  # doit has no types
    """What doit tells, shown as this project shows it."""

    def __init__(self, outstream: Any, options: dict[str, Any]) -> None:
        super().__init__(outstream, options)
        self.progress = Progress()

    def execute_task(self, task: Any) -> None:
        """A step begins."""
        if task.actions:
            self.progress.begin(task.name)

    def add_success(self, task: Any) -> None:
        """It is done."""
        if task.actions:
            self.progress.done(task.name)

    def skip_uptodate(self, task: Any) -> None:
        """It was done before."""
        self.progress.fresh(task.name)

    def add_failure(self, task: Any, fail: Any) -> None:
        """It failed."""
        self.progress.failed(fail.message)

    def complete_run(self) -> None:
        """All is done, or the person at the terminal has had enough."""
        self.progress.stop()


# The steps' manifests tell what is fresh, so doit's own memory of past runs is thrown away.
DOIT_CONFIG = {"backend": "sqlite3", "dep_file": ":memory:", "reporter": Reporter}


def task_steps() -> Iterator[dict[str, Any]]:
    """A task per step."""
    settings = read_settings(ROOT / "settings.toml")
    for step in ordered(STEPS):
        yield {
            "basename": step.name,
            "actions": [(_run, [step, settings])],
            "task_dep": list(step.needs),
            "uptodate": [(_is_fresh, [step, settings])],
            "io": {"capture": False},
        }


def _run(step: Step, settings: Settings) -> TaskFailed | None:
    try:
        run_step(step, settings, ROOT)
    except Refusal as refusal:
        return TaskFailed(str(refusal))
    return None


def _is_fresh(step: Step, settings: Settings) -> bool:
    try:
        return is_fresh(step, settings, ROOT)
    except Refusal:
        return False  # running it tells why
