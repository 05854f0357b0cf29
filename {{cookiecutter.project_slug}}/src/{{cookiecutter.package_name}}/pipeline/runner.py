"""Run one step: into a folder of its own, taken for done only once everything in it is written."""

from __future__ import annotations

import json
import os
import shutil
import time
import traceback
from importlib import import_module
from pathlib import Path

from filelock import FileLock

from ..compute import inner_loops
from ..refusal import Refusal
from ..settings import Settings
from .freshness import MANIFEST, artifacts, asked, is_fresh, key, manifest, read_manifest
from .steps import Step


class StepError(Refusal):
    """A step that failed; the message names it, the cause and the log."""


def run_step(step: Step, settings: Settings, root: Path, *, force: bool = False) -> bool:
    """Run a step unless its result is already there.

    Args:
        step: the step.
        settings: it gets the sections that it declares, and no other.
        root: the project's folder.
        force: run it even so.

    Returns:
        Whether it ran.

    Raises:
        StepError: it failed, or a step that it needs has not finished. What it wrote before stays.
    """
    home = artifacts(root)
    for need in step.needs:
        if read_manifest(home / need) is None:
            raise StepError(f"step {step.name} needs what step {need} writes; run that one first, or all with `run`")
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f".{step.name}.lock"):  # a second run waits, then finds the step done; a killed one holds no lock
            fresh, began = not force and is_fresh(step, settings, root), time.monotonic()
            if not fresh:
                _run(step, settings, root)
            asked(step, root, None if fresh else time.monotonic() - began)
    except OSError as error:  # of the notes beside its folder: what the step itself meets, `_run` has named
        raise StepError(f"step {step.name} failed: {_cause(error)}; where it had finished, the next run finds that") from error
    return not fresh


def _run(step: Step, settings: Settings, root: Path) -> None:
    home = artifacts(root)
    sweep(home, step.name)
    out = home / f".{step.name}.{os.getpid()}"
    out.mkdir(parents=True)
    try:
        given: dict[str, object] = {need: home / need for need in step.needs}
        given |= {"root": root} if step.outside else {}
        module = import_module(f".{step.name}", __package__)
        wanted = key(step, settings, root)  # of now: what comes in while the step runs was not read
        with inner_loops(settings.compute):
            sources = module.run(settings=settings.only(step.settings), out=out, **given)
        found = manifest(step, wanted, root, out, sources or ())
        (out / MANIFEST).write_text(json.dumps(found, indent=1), encoding="utf-8")
        _replace(out, home / step.name)
    except Exception as error:
        raise StepError(f"step {step.name} failed: {_cause(error)}; {_log(home, step, error)}") from error
    finally:
        shutil.rmtree(out, ignore_errors=True)


def sweep(home: Path, name: str) -> None:
    """Remove what a killed run of a step left half-written."""
    for left in home.glob(f".{name}.*"):
        if left.is_dir():
            shutil.rmtree(left)


def _replace(new: Path, place: Path) -> None:
    """Put a finished folder where the old one was; whoever looks in between finds none, never half of one."""
    old = new.with_suffix(".old")
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _cause(error: Exception) -> str:
    return str(error) if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"


def _log(home: Path, step: Step, error: Exception) -> str:
    """Keep the traceback, which the person at the terminal rarely wants, and say where; on a full disk it cannot be kept."""
    path = home / "logs" / f"{step.name}.log"
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as full:
        return f"its log cannot be written ({full.strerror})"
    return f"log: {path}"
