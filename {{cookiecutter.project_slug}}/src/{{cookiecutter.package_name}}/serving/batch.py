"""Batch scoring: the rows of a file, answered in chunks, written beside a key."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..data.schema import with_bytes
from ..data.sources import FORMATS, SourceError, read_files
from .predictor import Predictor

CHUNK = 2000  # rows


def score(predictor: Predictor, source: Path, target: Path, root: Path, now: dt.datetime) -> Iterator[tuple[int, int]]:
    """Answer every row of a file.

    Args:
        predictor: answers.
        source: a CSV or Parquet file with the raw columns; others are ignored.
        target: a .csv or .parquet file; it appears once every row is answered.
        root: where the relative path of a picture begins.
        now: decides which stored features are still valid.

    Yields:
        How many rows are answered, and of how many.

    Raises:
        SourceError: a file is absent, empty or of another format.
        SchemaError: a row cannot be answered.
    """
    check_paths(source, target)
    card = predictor.bundle.card
    as_text = {*card.columns.categories, *card.columns.text, card.data.segment or ""}
    as_text |= {card.data.entity} if card.key == "text" else set()
    rows, _ = with_bytes(read_files([source], as_text), predictor.bundle.card.columns.image, root)
    if rows.empty:
        raise SourceError(f"{source} has no row; there is nothing to answer")
    parts = []
    for start in range(0, len(rows), CHUNK):
        parts.append(predictor.answer(rows.iloc[start : start + CHUNK], now))
        yield min(start + CHUNK, len(rows)), len(rows)
    write(pd.concat(parts), target)


def check_paths(source: Path, target: Path) -> None:
    """Refuse files that cannot be read or written, before a model is loaded for them.

    Raises:
        SourceError: a file is absent or of another format.
    """
    for path in (source, target):
        if path.suffix not in FORMATS:
            raise SourceError(f"{path} is neither .csv nor .parquet; give it one of these endings")
    if not source.is_file():
        raise SourceError(f"there is no file {str(source)!r}; mend the path")
    if source.resolve() == target.resolve():
        raise SourceError(f"{target} holds the rows; give the answers another file")
    if not target.absolute().parent.is_dir():
        raise SourceError(f"there is no folder {str(target.parent)!r} to write to; make it or mend the path")


def write(answers: pd.DataFrame, target: Path) -> None:
    """Put the whole file in its place in one move."""
    new = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.suffix == ".csv":
            answers.to_csv(new, index=False)
        else:
            answers.to_parquet(new, index=False)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
