"""Answers for the tests of what happens to them later: given by the model of the run project, logged at chosen times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from {{ cookiecutter.package_name }} import labels
from {{ cookiecutter.package_name }}.labels import Label
from {{ cookiecutter.package_name }}.prediction_log import Entry
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

HOUR = dt.timedelta(hours=1)


def unseen(root: Path, settings: Settings) -> pd.DataFrame:
    """Raw rows of the entities on which the model was tested, with their truth and their segment."""
    rows = pd.read_parquet(root / "artifacts" / "validate" / f"{settings.data.rows}.parquet")
    tested = pd.read_parquet(root / "artifacts" / "test_set" / "test.parquet")
    return rows[rows[settings.data.entity].isin(tested[settings.data.entity])].reset_index(drop=True)


def entries(predictor: Predictor, rows: pd.DataFrame, ends: dt.datetime, hours: float = 20.0) -> list[Entry]:
    """The answers to raw rows, evenly over so many hours before the end, a request each."""
    replies = predictor.told(*predictor.answered(rows, ends))
    times = [ends - (0.1 + (hours - 0.1) * (number + 0.5) / len(rows)) * HOUR for number in range(len(rows))][::-1]
    named = enumerate(zip(replies, times, strict=True))
    return [predictor.entry(reply, at, f"{at:%d%H}-{number}", "api", 5.0) for number, (reply, at) in named]


def logged(root: Path, settings: Settings, predictor: Predictor, added: Sequence[Entry]) -> list[str]:
    """The ids of answers, now that they are in the project's log."""
    log = predictor.log(settings, root)
    ids = log.add(added)
    log.close()
    assert ids is not None
    return ids


def told(
    root: Path, settings: Settings, ids: Sequence[str], truth: Sequence[object], at: dt.datetime, source: str = "observed"
) -> None:
    """What turned out to be true of answers."""
    said = [Label(id_, str(label), source) for id_, label in zip(ids, truth, strict=True)]  # type: ignore[arg-type]
    labels.add(root / settings.logging.folder, said, at)
