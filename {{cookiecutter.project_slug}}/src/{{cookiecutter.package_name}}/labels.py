"""Labels: what turned out to be true of logged answers, who says so and when; one SQLite file, which is only added to.

What somebody reviewed goes before what was merely observed, and both before what the answer itself brought about.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pandas as pd

from . import ledger, prediction_log
from .data.schema import label as named
from .operations import Source
from .refusal import Refusal

FILE = "labels.sqlite"
TABLES = """
CREATE TABLE labels (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, label TEXT NOT NULL, at TEXT NOT NULL, source TEXT NOT NULL, by TEXT NOT NULL
);
CREATE INDEX labels_id ON labels (id, source);
CREATE TRIGGER only_added_to BEFORE UPDATE ON labels
BEGIN SELECT RAISE(ABORT, 'labels are only added to'); END;
"""
COLUMNS = ("id", "label", "at", "source", "by")
RANKS: dict[Source, int] = {"review": 0, "observed": 1, "model": 2}  # the first that there is counts


class LabelError(Refusal):
    """A label that cannot be kept, or labels that cannot be read."""


@dataclass(frozen=True)
class Label:
    """What is said of an answer.

    Args:
        id: of a logged answer, as `PredictionLog.add` returned it.
        label: what would have been right.
        source: "observed" by itself, "review" by somebody who looked, "model": what the answer itself brought about.
        by: who says so.
    """

    id: str
    label: str | float | int | bool
    source: Source = "observed"
    by: str = ""


def add(folder: Path, labels: Sequence[Label], now: dt.datetime) -> int:
    """Keep some labels, all or none, and tell how many are new: what is said of an answer twice in a row counts once.

    Args:
        folder: of the prediction log.
        labels: the last one of an answer and a source counts, the others are its history.
        now: when they are given.

    Raises:
        LabelError: an answer is not in the log, a label is none, or they cannot be written.
    """
    for label in labels:
        _check(label)
    known = prediction_log.known(folder, {label.id for label in labels})
    for label in labels:
        if label.id not in known:
            raise LabelError(
                f"there is no answer {label.id!r:.60} in the log at {folder}; give the id that came with the answer, while "
                "logging.keep_days keeps it"
            )
    if not labels:
        return 0
    at = now.astimezone(dt.UTC).isoformat(timespec="microseconds")
    new = 0
    with _told(folder), closing(ledger.writing(folder / FILE, TABLES)) as connection, connection:  # one transaction
        connection.execute("BEGIN IMMEDIATE")
        for label in labels:
            said = (json.dumps(label.label), label.by)
            before = "SELECT label, by FROM labels WHERE id = ? AND source = ? ORDER BY number DESC LIMIT 1"
            if connection.execute(before, (label.id, label.source)).fetchone() != said:
                row = (label.id, said[0], at, label.source, label.by)
                connection.execute("INSERT INTO labels (id, label, at, source, by) VALUES (?, ?, ?, ?, ?)", row)
                new += 1
    return new


def current(folder: Path) -> pd.DataFrame:
    """What counts: one row per labelled answer.

    Returns:
        `id`; `label`; `at`, when it was given; its `source`; `by` whom.

    Raises:
        LabelError: they cannot be read.
    """
    return _current(folder, "", "\uffff")


def joined(folder: Path, log: pd.DataFrame) -> pd.DataFrame:
    """The logged answers that have a label.

    Args:
        folder: of the prediction log.
        log: as `prediction_log.read` returns it.

    Returns:
        Their rows, with `label`, `labelled_at`, `source_of_label` and `by`.

    Raises:
        LabelError: the labels cannot be read.
    """
    first, last = (min(log["id"]), max(log["id"])) if len(log) else ("", "")
    names = {"at": "labelled_at", "source": "source_of_label"}
    found = _current(folder, first, last).rename(columns=names).set_index("id")
    its = log[log["id"].isin(found.index)]
    return pd.concat([its, found.loc[its["id"]].set_axis(its.index)], axis="columns")


def forget(folder: Path, key: int | str) -> tuple[int, int]:
    """Delete the answers about an entity and their labels, and tell how many of each there were.

    Raises:
        LogError: an answer cannot be deleted.
        LabelError: a label cannot be.
    """
    its = (json.dumps(prediction_log.read(folder, columns=("id", "at"), key=key)["id"].tolist()),)
    with _told(folder):
        labels = ledger.erase(folder / FILE, [("DELETE FROM labels WHERE id IN (SELECT value FROM json_each(?))", its)])
    return prediction_log.forget(folder, key), labels


def formed(value: object, task: str) -> str | float:
    """A label as a target of the task is written: a class by its name, or a number.

    Raises:
        LabelError: it is neither.
    """
    try:
        return float(value) if task == "regression" else named(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise LabelError(f"a label is {value!r:.60}, and data.task of settings.toml is regression; give numbers") from None


def _check(label: Label) -> None:
    value = label.label
    if not isinstance(value, str | float | int) or (isinstance(value, float) and not math.isfinite(value)):
        raise LabelError(f"the label of {label.id!r:.60} is {value!r:.60}; give a text, a finite number or a truth value")
    if label.source not in RANKS:
        told = ", ".join(get_args(Source))
        raise LabelError(f"the label of {label.id!r:.60} is from {label.source!r:.60}; a source is one of {told}")


def _current(folder: Path, first: str, last: str) -> pd.DataFrame:
    """The labels that count of the answers from one id to another."""
    rank = " ".join(f"WHEN '{source}' THEN {rank}" for source, rank in RANKS.items())
    query = f"""
        SELECT id, label, at, source, by FROM (
            SELECT *, row_number() OVER (PARTITION BY id ORDER BY CASE source {rank} END, number DESC) AS place
            FROM labels WHERE id BETWEEN ? AND ?
        ) WHERE place = 1 ORDER BY number
    """  # noqa: S608 no value
    with _told(folder):
        found = ledger.rows(folder / FILE, query, (first, last))
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    frame["label"] = pd.Series([json.loads(text) for text in frame["label"]], index=frame.index, dtype=object)
    return frame.assign(at=pd.to_datetime(frame["at"], utc=True, format="ISO8601"))


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        what = f"the labels in {folder / FILE} can be neither read nor written: {error}"
        raise LabelError(f"{what}; make room there, mend its rights, or restore it") from None
