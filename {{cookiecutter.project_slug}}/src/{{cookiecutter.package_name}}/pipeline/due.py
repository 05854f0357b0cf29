"""Due: whether the pipeline should run now, and why, in one sentence.

It starts nothing: cron, workflows and sensors ask it, and then run or skip.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from ..digests import changed
from ..refusal import Refusal
from ..registry import FOLDER, current_version
from ..sections import Reason, Section
from ..settings import Settings
from .freshness import artifacts, key, last_asked, read_manifest
from .steps import STEPS, Step

REASONS: tuple[str, ...] = get_args(Reason)
RESTING = ("clock", "drift", "quality")
MONITORED = Path("monitoring") / "state.json"


class Monitored(Section):
    """What the last monitoring found of the model that answered then: a sentence for each threshold that was passed."""

    version: str
    drift: str | None = None
    quality: str | None = None


@dataclass(frozen=True)
class Due:
    """Which of REASONS ask for a run, and one sentence about it."""

    reasons: tuple[str, ...]
    why: str

    @property
    def run(self) -> bool:
        """Whether there is a reason."""
        return bool(self.reasons)


def due(settings: Settings, root: Path, now: dt.datetime, only: Collection[str] = REASONS) -> Due:
    """Ask whether a run is due.

    A run is due if none has finished yet, if raw data, settings or code changed since, if the last one is older than
    `retrain.max_age_days`, or if monitoring found drift or a loss of quality in the model that answers now. The last
    three do not count until `retrain.rest_hours` after a run, for what a run did not mend the next one would not either.

    Args:
        settings: of the project.
        root: its folder.
        now: the time, with its zone.
        only: the reasons that count here, of those that `retrain.reasons` names.

    Raises:
        Refusal: what monitoring left cannot be read.
    """
    counts = [reason for reason in settings.retrain.reasons if reason in only]
    found = {reason: why for reason, why in _found(settings, root, now).items() if reason in counts}
    last = last_asked(STEPS, root)
    rested = last is None or now - last >= dt.timedelta(hours=settings.retrain.rest_hours)
    waiting = {} if rested else {reason: why for reason, why in found.items() if reason in RESTING}
    reasons = tuple(reason for reason in found if reason not in waiting)
    if reasons:
        return Due(reasons, f"run: {'; '.join(found[reason] for reason in reasons)}")
    if waiting and last is not None:
        until = (last + dt.timedelta(hours=settings.retrain.rest_hours)).isoformat(timespec="minutes")
        return Due((), f"skip until {until}, for the last run is that fresh: {'; '.join(waiting.values())}")
    return Due((), f"skip: nothing of {', '.join(counts)} asks for a run")


def _found(settings: Settings, root: Path, now: dt.datetime) -> dict[str, str]:
    """A sentence for each reason that there is, whether it counts or not."""
    last = last_asked(STEPS, root)
    unfinished = [step.name for step in STEPS if read_manifest(artifacts(root) / step.name) is None]
    if unfinished or last is None:
        return {"never": f"no run has finished: step {unfinished[0]} is to be done" if unfinished else "no run has finished"}
    found: dict[str, str] = {}
    for step in STEPS:
        if new := _news(step, settings, root):
            found.setdefault("changed" if step.needs else "data", new)
        if other := _difference(step, settings, root):
            found.setdefault("changed", other)
    age = (now - last) / dt.timedelta(days=1)
    if age > settings.retrain.max_age_days:
        most = settings.retrain.max_age_days
        found["clock"] = f"the last run was {age:.1f} days ago, more than retrain.max_age_days = {most:g}"
    monitored = _monitored(root)
    if monitored and monitored.version == current_version(root / FOLDER):
        found |= {name: why for name in ("drift", "quality") if (why := getattr(monitored, name))}
    return found


def _news(step: Step, settings: Settings, root: Path) -> str | None:
    """What lies outside and is not what the step read."""
    manifest = read_manifest(artifacts(root) / step.name)
    if manifest is None or step.reads is None:
        return None
    listed = key(step, settings, root)["listed"]
    if other := sorted(set(listed) ^ set(manifest["key"]["listed"])):
        return f"{other[0]} is {'new' if other[0] in listed else 'gone'} since step {step.name} ran"
    if other := changed(manifest["sources"], root):
        return f"{other[0]} is not what step {step.name} read"
    return None


def _difference(step: Step, settings: Settings, root: Path) -> str | None:
    """What of a step's settings, code, libraries or own files is no longer what it was."""
    manifest = read_manifest(artifacts(root) / step.name)
    if manifest is None:
        return None
    wanted = key(step, settings, root)
    other = [part for part in ("settings", "code", "libraries", "python") if wanted[part] != manifest["key"][part]]
    if other:
        return f"the {other[0]} of step {step.name} changed"
    if altered := changed(manifest["files"], artifacts(root) / step.name):
        return f"{altered[0]} is not what step {step.name} wrote"
    return None


def _monitored(root: Path) -> Monitored | None:
    try:
        return Monitored.model_validate_json((root / MONITORED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValidationError, UnicodeDecodeError):
        raise Refusal(
            f"{MONITORED.as_posix()} cannot be read, expected version, drift and quality as JSON; remove it or monitor again"
        ) from None
