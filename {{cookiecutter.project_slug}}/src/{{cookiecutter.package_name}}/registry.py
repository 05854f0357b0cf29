"""Model Versioning: which bundles there are, which one answers, and the way back to the one before."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from . import bundle
from .bundle import Bundle
from .card import CARD, Card, read_card
from .digests import changed, digest
from .model.persistence import BundleError, SavedAs

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
    before = current(models)
    if before and before["version"] == version:
        _write_current(models, version, before["history"])  # its card may have been written again
        return
    history = [*before["history"], before["version"]] if before else []
    _write_current(models, version, history)


def rollback(models: Path, saved_as: SavedAs = "skops") -> str:
    """Go back to the version before, and tell which it is.

    Raises:
        BundleError: there is none.
    """
    before = current(models)
    if before is None or not before["history"]:
        raise BundleError("no earlier model was promoted; `models list` shows what there is")
    *history, version = before["history"]
    load(models, version, saved_as)
    _write_current(models, version, history)
    return str(version)


def current(models: Path) -> dict[str, Any] | None:
    """What is promoted: its version, its card's digest, and the versions before it."""
    try:
        found = json.loads((models / CURRENT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # what cannot be read promotes nothing
        return None
    return found if isinstance(found, dict) and found.keys() == {"version", "card", "history"} else None


def cards(models: Path) -> list[Card]:
    """The cards of all finished bundles, the oldest first."""
    paths = sorted(models.glob(f"[!.]*/{CARD}"), key=lambda path: path.stat().st_mtime)
    return [read_card(path.parent) for path in paths]


def _known(models: Path, version: str) -> Path:
    """The folder of a finished bundle."""
    if Path(version).name != version or not (models / version / CARD).is_file():
        known = ", ".join(sorted(found.parent.name for found in models.glob(f"[!.]*/{CARD}"))) or "none"
        raise BundleError(f"there is no model {version!r}; the finished ones are: {known}")
    return models / version


def _write_current(models: Path, version: str, history: list[str]) -> None:
    """Replace the pointer in one move."""
    found = {"version": version, "card": digest(models / version / CARD), "history": history}
    new = models / f".{CURRENT}.{os.getpid()}"
    new.write_text(json.dumps(found, indent=1), encoding="utf-8")
    new.replace(models / CURRENT)
