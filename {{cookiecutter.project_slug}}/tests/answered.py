"""Answers for the tests of what happens to them later: given by the model of the run project, logged at chosen times.

And what is to be other than in the project: its settings, or what it is asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import tomlkit

from {{ cookiecutter.package_name }} import labels
from {{ cookiecutter.package_name }}.labels import Label
from {{ cookiecutter.package_name }}.prediction_log import Entry
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

HOUR = dt.timedelta(hours=1)
HOSTILE = "<script>alert(1)</script>"


def unseen(root: Path, settings: Settings) -> pd.DataFrame:
    """Raw rows of the entities on which the model was tested, with their truth and their segment."""
    rows = pd.read_parquet(root / "artifacts" / "validate" / f"{settings.data.rows}.parquet")
    tested = pd.read_parquet(root / "artifacts" / "test_set" / "test.parquet")
    return rows[rows[settings.data.entity].isin(tested[settings.data.entity])].reset_index(drop=True)


def strange(rows: pd.DataFrame, settings: Settings) -> tuple[str, str, Any]:
    """A column, the measure of it that the monitor looks at, and a value that is nothing like those of most rows."""
    columns = settings.columns
    if columns.categories:
        return columns.categories[0], "distribution", HOSTILE
    if columns.numbers:
        return columns.numbers[0], "distribution", rows[columns.numbers[0]].max()
    if columns.text:
        return columns.text[0], "unseen", "xylophone zyzzyva"
    white = BytesIO()
    import_module("PIL.Image").new("RGB", (8, 8), "white").save(white, "PNG")  # where there are no pictures, there is no Pillow
    return columns.image[0], "brightness", white.getvalue()


def wrong(truth: pd.Series) -> list[object]:
    """What no good model says: another class each, or numbers far away."""
    if pd.api.types.is_numeric_dtype(truth):
        return (truth + 10 * (1 + truth.std())).tolist()
    classes = sorted(set(truth))
    return [classes[(classes.index(one) + 1) % len(classes)] for one in truth]


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


def change(copy: Path, section: str, **values: object) -> None:
    """Write settings into a section of a copy's settings.toml, in one move."""
    path, new = copy / "settings.toml", copy / "settings.new"
    held: Any = tomlkit.parse(path.read_text(encoding="utf-8"))
    part = held
    for name in section.split("."):
        part = part.setdefault(name, {})
    part.update(values)
    new.write_text(tomlkit.dumps(held), encoding="utf-8")
    new.replace(path)
