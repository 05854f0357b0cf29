"""Model Versioning: bundles that are saved, verified, promoted and rolled back.

A bundle is a folder: the fitted pipeline and, written last, a card that pins its sha256, the inputs it takes, its class order,
the libraries it was fitted with and rows with their answers. Nothing is opened before its digest was found right.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from .digests import changed, digest, libraries
from .refusal import Refusal
from .sections import Columns, Data, Section

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

FOLDER = "models"
CARD = "card.json"
PIPELINE = "pipeline.skops"
CURRENT = "current.json"
TOLERANCE = 1e-9


class BundleError(Refusal):
    """A bundle that must not answer."""


class Card(Section):
    """What a bundle says of itself."""

    version: str
    candidate: str
    data: Data
    columns: Columns
    key: Literal["number", "text"]
    views: str
    classes: tuple[str, ...] | None
    scores: dict[str, float]
    libraries: dict[str, str]
    files: dict[str, str]
    golden_rows: tuple[dict[str, Any], ...]
    golden_answers: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Bundle:
    """A verified model with its card."""

    card: Card
    pipeline: Pipeline


def save(
    models: Path,
    version: str,
    candidate: str,
    pipeline: Pipeline,
    golden: pd.DataFrame,
    data: Data,
    columns: Columns,
    scores: dict[str, float],
    views: str,
) -> None:
    """Write a bundle, card last; one that is there and whole stays as it is.

    Args:
        models: the registry's folder.
        version: of the bundle, a name of its own for each content.
        candidate: which model it is.
        pipeline: fitted, raw columns to answer.
        golden: rows with the entity and the raw columns, whose answers are pinned.
        data: what is predicted.
        columns: what the model reads.
        scores: on the test rows.
        views: digest of the feature views that it was trained on.
    """
    from .data.schema import to_json_rows
    from .model.answers import answers
    from .model.persistence import save as save_pipeline

    if (models / version / CARD).exists() and not changed(read_card(models, version).files, models / version):
        return
    new = models / f".{version}.{os.getpid()}"
    new.mkdir(parents=True)
    try:
        save_pipeline(pipeline, new / PIPELINE)
        rows = to_json_rows(golden, columns.image)
        card = Card(
            version=version,
            candidate=candidate,
            data=data,
            columns=columns,
            views=views,
            key="number" if isinstance(rows[0][data.entity], int) else "text",
            classes=None if data.task == "regression" else tuple(map(str, pipeline.classes_)),
            scores=scores,
            libraries=libraries(),
            files={PIPELINE: digest(new / PIPELINE)},
            golden_rows=tuple(rows),
            golden_answers=tuple(_plain(answers(pipeline, _inputs(rows, columns)))),
        )
        (new / CARD).write_text(card.model_dump_json(indent=1), encoding="utf-8")
        shutil.rmtree(models / version, ignore_errors=True)
        new.rename(models / version)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def load(models: Path, version: str | None = None) -> Bundle:
    """A bundle that has proved itself: digests, libraries, golden rows.

    Args:
        models: the registry's folder.
        version: which one; without it, the one promoted.

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
    card = read_card(models, version)
    altered = changed(card.files, models / version)
    if altered:
        raise BundleError(
            f"model {version}: {', '.join(altered)} is absent or was altered; restore it or retrain with `make run`"
        )
    other = {name: found for name, found in libraries().items() if card.libraries.get(name) != found}
    if other:
        name, found = next(iter(other.items()))
        raise BundleError(
            f"model {version} was fitted with {name} {card.libraries.get(name)} and this is {found}; "
            "install what uv.lock says with `make install`, or retrain with `make run`"
        )
    from .model.persistence import load as load_pipeline

    pipeline: Pipeline = load_pipeline(models / version / PIPELINE)
    _prove(card, pipeline)
    return Bundle(card, pipeline)


def promote(models: Path, version: str) -> None:
    """Make a version the one that answers; the one before it is remembered for a rollback.

    Raises:
        BundleError: there is no such version.
    """
    read_card(models, version)
    before = current(models)
    if before and before["version"] == version:
        _write_current(models, version, before["history"])  # its card may have been written again
        return
    history = [*before["history"], before["version"]] if before else []
    _write_current(models, version, history)


def rollback(models: Path) -> str:
    """Go back to the version before, and tell which it is.

    Raises:
        BundleError: there is none.
    """
    before = current(models)
    if before is None or not before["history"]:
        raise BundleError("no earlier model was promoted; `models list` shows what there is")
    *history, version = before["history"]
    load(models, version)
    _write_current(models, version, history)
    return str(version)


def current(models: Path) -> dict[str, Any] | None:
    """What is promoted: its version, its card's digest, and the versions before it."""
    try:
        found: dict[str, Any] = json.loads((models / CURRENT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # what cannot be read promotes nothing
        return None
    return found


def cards(models: Path) -> list[Card]:
    """The cards of all finished bundles, the oldest first."""
    paths = sorted(models.glob(f"[!.]*/{CARD}"), key=lambda path: path.stat().st_mtime)
    return [read_card(models, path.parent.name) for path in paths]


def read_card(models: Path, version: str) -> Card:
    """A bundle's card.

    Raises:
        BundleError: there is no such bundle, or its card cannot be read.
    """
    path = models / version / CARD
    if not path.is_file() or Path(version).name != version:
        known = ", ".join(sorted(found.parent.name for found in models.glob(f"[!.]*/{CARD}"))) or "none"
        raise BundleError(f"there is no model {version!r}; the finished ones are: {known}")
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        raise BundleError(f"the card of model {version} cannot be read; restore it or retrain with `make run`") from None


def _write_current(models: Path, version: str, history: list[str]) -> None:
    """Replace the pointer in one move."""
    found = {"version": version, "card": digest(models / version / CARD), "history": history}
    new = models / f".{CURRENT}.{os.getpid()}"
    new.write_text(json.dumps(found, indent=1), encoding="utf-8")
    new.replace(models / CURRENT)


def _prove(card: Card, pipeline: Pipeline) -> None:
    """Answer the golden rows again."""
    from .model.answers import answers

    again = _plain(answers(pipeline, _inputs(card.golden_rows, card.columns)))
    for row, (was, now) in enumerate(zip(card.golden_answers, again, strict=True)):
        for name, value in was.items():
            same = abs(value - now[name]) <= TOLERANCE if isinstance(value, float) else value == now[name]
            if not same:
                raise BundleError(
                    f"model {card.version} answers golden row {row} with {name} = {now[name]!r}, when saved it was {value!r}; "
                    "retrain with `make run`"
                )


def _inputs(rows: Any, columns: Columns) -> pd.DataFrame:
    from .data.schema import conform, from_json_rows

    return conform(from_json_rows(rows, columns.image), columns.modalities())[list(columns.names)]


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of JSON values."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    return rows
