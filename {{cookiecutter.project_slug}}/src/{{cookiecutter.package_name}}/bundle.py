"""Bundles: a fitted model in a folder of its own, with its card, which is written last.

Nothing is opened before its digest was found right, and nothing answers that does not answer its golden rows as it did.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .card import CARD, Card, Origin, read_card
from .digests import changed, digest
from .model import persistence
from .model.persistence import BundleError, SavedAs, file_of
from .proof import check_files, check_libraries, libraries, parts, prove, raw, together, whole

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from .model.answers import Answerer
    from .reference import Reference

PIPELINE = "pipeline"
JOBLIB = (
    "model.saved_as is joblib, which holds estimators that skops cannot, and executes what it loads: whoever can write %s can "
    "run code here"
)


@dataclass(frozen=True)
class Bundle:
    """A verified model with its card."""

    card: Card
    pipeline: Pipeline
    answerer: Answerer


def save(
    folder: Path,
    origin: Origin,
    pipeline: Pipeline,
    golden: pd.DataFrame,
    reference: Reference,
    saved_as: SavedAs = "skops",
) -> None:
    """Write a bundle, card last; one that is there and whole stays as it is.

    Args:
        folder: the bundle's.
        origin: what is known of the model.
        pipeline: fitted, raw columns to answer.
        golden: rows with the entity and the raw columns, whose answers are pinned; the index says what each is for.
        reference: what training rows looked like, and what the pipeline answered to others.
        saved_as: "skops", or "joblib" with a warning.
    """
    from .data.schema import to_json_rows
    from .model.answers import Answerer

    if _is_whole(folder):
        if read_card(folder).made_of != origin.made_of:
            raise BundleError(f"another model is called {origin.version} already; take {folder} away, and run this again")
        return
    new = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(new, ignore_errors=True)  # a container's processes have the same number each time, a killed one's too
    new.mkdir(parents=True)
    try:
        file = file_of(new, PIPELINE, saved_as)
        _warn(folder, saved_as)
        persistence.save(pipeline, file)
        reference.save(new)
        rows = to_json_rows(golden, origin.columns.image)
        card = Card(
            **dict(origin),
            key="number" if isinstance(rows[0][origin.data.entity], int) else "text",
            classes=None if origin.data.task == "regression" else tuple(map(str, pipeline.classes_)),
            parts=parts(pipeline),
            libraries=libraries(pipeline),
            files={path.name: digest(path) for path in sorted(new.iterdir())},
            golden_rows=tuple(rows),
            golden_words=tuple(golden.index),
            golden_answers=tuple(together(Answerer(pipeline), raw(rows, origin.columns))),
        )
        (new / CARD).write_text(card.model_dump_json(indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def load(folder: Path, saved_as: SavedAs = "skops") -> Bundle:
    """A bundle that has proved itself: files, libraries, golden rows.

    Args:
        folder: the bundle's.
        saved_as: what the settings say. What the card says counts for nothing: who forges a file forges that, too.

    Raises:
        BundleError: it was altered, other libraries fitted it, or it answers otherwise than when it was saved.
    """
    from .model.answers import Answerer

    card = read_card(folder)
    file = file_of(folder, PIPELINE, saved_as)
    if file.name not in card.files:
        held = [name for name in card.files if name.startswith(f"{PIPELINE}.")]
        raise BundleError(
            f'model {card.version} is {", ".join(held)}, and model.saved_as = "{saved_as}" reads {file.name} alone; '
            "retrain with `make run`"
        )
    check_files(folder, card)
    check_libraries(card)
    _warn(folder, saved_as)
    pipeline: Pipeline = persistence.load(file)
    answerer = prove(card, lambda: Answerer(whole(pipeline, card)))
    return Bundle(card, pipeline, answerer)


def reference_of(folder: Path) -> Reference:
    """What a bundle's rows and answers are compared with; whoever serves has no need of it, and sees its digest alone.

    Raises:
        BundleError: it was altered, cannot be read, or the bundle was written before there were references.
    """
    from .reference import FILES, Reference

    card = read_card(folder)
    check_files(folder, card)
    if not {*FILES} <= card.files.keys():
        raise BundleError(f"model {card.version} keeps no reference, for it is older than that; retrain with `make run`")
    try:
        return Reference.load(folder)
    except (OSError, ValueError) as error:
        raise BundleError(f"the reference of model {card.version} cannot be read; retrain with `make run`") from error


def _is_whole(folder: Path) -> bool:
    try:
        return not changed(read_card(folder).files, folder)
    except BundleError:
        return False


def _warn(folder: Path, saved_as: SavedAs) -> None:
    if saved_as == "joblib":
        logging.getLogger(__name__).warning(JOBLIB, folder)
