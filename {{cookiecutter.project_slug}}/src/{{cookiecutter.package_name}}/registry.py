"""Model Versioning: which bundles there are, which one answers, and the way back to the one before."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from . import bundle
from .bundle import Bundle
from .card import CARD, Card, read_card
from .digests import changed, digest
from .model.persistence import BundleError, SavedAs
from .refusal import Refusal
from .sections import Data

FOLDER = "models"
CURRENT = "current.json"


def load(models: Path, version: str | None = None, saved_as: SavedAs = "skops") -> Bundle:
    """A bundle that has proved itself.

    Args:
        models: the registry's folder.
        version: which one; without it, the one promoted.
        saved_as: what the settings say.

    Raises:
        BundleError: there is none, it was altered, other libraries fitted it, or it answers otherwise than when it was saved.
    """
    promoted = current(models)
    if version is None and promoted is not None:
        version = promoted["version"]
    if version is None:
        known = ", ".join(card.version for card in cards(models))
        choose = f"choose one with `models promote`: {known}" if known else "train one with `make run`"
        raise BundleError(f"no model is promoted; {choose}")
    if promoted and promoted["version"] == version and changed({CARD: promoted["card"]}, models / version):
        raise BundleError(f"the card of model {version} is absent or was altered after its promotion; retrain with `make run`")
    return bundle.load(_known(models, version), saved_as)


def promote(models: Path, version: str) -> None:
    """Make a version the one that answers; the one before it is remembered for a rollback.

    Raises:
        BundleError: there is no such version.
    """
    read_card(_known(models, version))
    with _lock(models):
        _promote(models, version)


def succeed(models: Path, version: str, champion: str | None) -> None:
    """Promote a version in place of the one that it was compared with: of two that were, the second comes too late.

    Raises:
        BundleError: another one answers by now.
    """
    with _lock(models):
        now = current_version(models)
        if now != champion:
            raise BundleError(f"model {now} was promoted while model {version} was compared with {champion}; run it again")
        _promote(models, version)


def rollback(models: Path, check: Callable[[str], object]) -> tuple[str, dict[str, str]]:
    """Go back to the newest version before that may answer.

    Args:
        models: the registry's folder.
        check: refuses a version that may not, as a promotion would; see `fitness.fitting`.

    Returns:
        The version that answers now, and of those that were passed over why.

    Raises:
        BundleError: there is none; nothing was changed.
    """
    with _lock(models):
        version, passed = way_back(models, check)
        if version is None:
            why = "; ".join(passed.values())
            raise BundleError(
                f"no earlier model may answer, and nothing was changed: {why}"
                if why
                else "no earlier model was promoted; `models list` shows what there is"
            )
        history = (current(models) or {})["history"]
        _write_current(models, version, history[: len(history) - 1 - history[::-1].index(version)])
    return version, passed


def way_back(models: Path, check: Callable[[str], object]) -> tuple[str | None, dict[str, str]]:
    """The version that a rollback leads to, None if there is none, and of those that it passes over why."""
    before = current(models)
    passed: dict[str, str] = {}
    for version in dict.fromkeys(reversed(before["history"] if before else [])):
        if before and version == before["version"]:
            continue
        try:
            read_card(_known(models, version))
            check(version)
        except Refusal as refusal:
            passed[version] = str(refusal).partition("; ")[0]  # what to do about it is of no use here
        else:
            return version, passed
    return None, passed


def export(models: Path, folder: Path, saved_as: SavedAs = "skops") -> str:
    """Write the model that answers, once it has proved itself, as a registry of its own; tell its version.

    Args:
        models: the registry's folder.
        folder: of the new one; what was there goes.
        saved_as: what the settings say.

    Raises:
        BundleError: no model answers, or it does not prove itself.
    """
    version = load(models, saved_as=saved_as).card.version
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(models / version, folder / version)
    _write_current(folder, version, [])
    return version


def prune(models: Path, keep: int) -> list[str]:
    """Remove the oldest bundles, and tell which; the model that answers stays, and so does the one before it."""
    with _lock(models):
        promoted = current(models)
        needed = {promoted["version"], *promoted["history"][-1:]} if promoted else set()
        old = [path.name for path in _finished(models)[:-keep] if path.name not in needed]
        for version in old:
            going = (models / version).rename(models / f".{version}.old")  # gone at once, for whoever lists them
            shutil.rmtree(going)
    return old


def check(card: Card, data: Data) -> None:
    """See that a model answers what is asked now.

    Raises:
        BundleError: it was trained for another target, task, key or segment.
    """
    for name in ("task", "entity", "target", "segment"):
        was, now = getattr(card.data, name), getattr(data, name)
        if was != now:
            raise BundleError(
                f"model {card.version} was trained with data.{name} = {was!r}, and settings.toml says {now!r}; "
                "retrain with `make run`"
            )


def named(models: Path, text: str) -> str:
    """The version that a text names: the whole of it, or a beginning that no other one has.

    Raises:
        BundleError: there is none, or there are several.
    """
    found = [path.name for path in _finished(models) if text and path.name.startswith(text)]
    if len(found) > 1 and text not in found:
        raise BundleError(f"{text!r} begins {len(found)} versions, {', '.join(found)}; type more of the one that is meant")
    return _known(models, found[0] if len(found) == 1 else text).name


def current(models: Path) -> dict[str, Any] | None:
    """What is promoted: its version, its card's digest, and the versions before it."""
    try:
        found = json.loads((models / CURRENT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # what cannot be read promotes nothing
        return None
    return found if isinstance(found, dict) and found.keys() == {"version", "card", "history"} else None


def finished_at(models: Path, version: str) -> dt.datetime:
    """When a bundle was finished, in UTC."""
    return dt.datetime.fromtimestamp((models / version / CARD).stat().st_mtime, dt.UTC)


def current_version(models: Path) -> str | None:
    """The version that is promoted."""
    found = current(models)
    return found["version"] if found else None


def cards(models: Path) -> list[Card]:
    """The cards of all finished bundles, the oldest first."""
    return [read_card(folder) for folder in _finished(models)]


def _promote(models: Path, version: str) -> None:
    before = current(models)
    if before and before["version"] == version:
        _write_current(models, version, before["history"])  # its card may have been written again
        return
    history = [*before["history"], before["version"]] if before else []
    _write_current(models, version, history)


def _known(models: Path, version: str) -> Path:
    """The folder of a finished bundle."""
    if Path(version).name != version or not (models / version / CARD).is_file():
        known = ", ".join(sorted(found.name for found in _finished(models))) or "none"
        raise BundleError(f"there is no model {version!r}; the finished ones are: {known}")
    return models / version


def _finished(models: Path) -> list[Path]:
    """The folders of all finished bundles, the oldest first."""
    paths = sorted(models.glob(f"[!.]*/{CARD}"), key=lambda path: path.stat().st_mtime)
    return [path.parent for path in paths]


def _lock(models: Path) -> FileLock:
    """Held by whoever changes what answers; reading needs none."""
    models.mkdir(parents=True, exist_ok=True)
    return FileLock(models / ".lock")


def _write_current(models: Path, version: str, history: list[str]) -> None:
    """Replace the pointer in one move."""
    found = {"version": version, "card": digest(models / version / CARD), "history": history}
    new = models / f".{CURRENT}.{os.getpid()}"
    new.write_text(json.dumps(found, indent=1), encoding="utf-8")
    new.replace(models / CURRENT)
