"""Logged answers beside what turned out to be true of them, as a metric reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .. import labels, prediction_log, replay
from ..bundle import Bundle
from ..data.schema import label
from ..model.answers import said

MOST = 20_000  # answers that are scored, the newest


@dataclass(frozen=True)
class Scored:
    """Labelled answers that a metric can read.

    Args:
        rows: `target` and `group` of each, as `intervals.Comparison` wants them.
        answers: `prediction`, and of a log-loss `p:<class>`; the index is that of the rows.
        log: the same answers as they were logged, with their labels; the index is that of the rows.
        left_out: how many cannot be scored, for what they were made of was not kept, or the label is no number.
    """

    rows: pd.DataFrame
    answers: pd.DataFrame
    log: pd.DataFrame
    left_out: int

    def of(self, log: pd.DataFrame) -> Scored:
        """Those among some of the answers that were to be scored."""
        held = self.log.index.intersection(log.index)
        return Scored(self.rows.loc[held], self.answers.loc[held], self.log.loc[held], len(log) - len(held))


def labelled(folder: Path, models: Collection[str], sources: Sequence[str], now: dt.datetime, most: int = MOST) -> pd.DataFrame:
    """The newest labelled answers that some models gave to somebody, the oldest first.

    Args:
        folder: of the log.
        models: their versions.
        sources: of the labels that count: what the answer itself brought about says nothing about it.
        now: what was given or labelled later does not count.
        most: how many.
    """
    known = labels.current(folder)
    known = known[known["source"].isin(list(sources)) & (known["at"] <= now)]
    found: list[pd.DataFrame] = []
    for day in sorted(known["id"].str[:8].unique(), reverse=True):  # an id begins with the day of its answer
        since = dt.datetime.strptime(f"{day} +0000", "%Y%m%d %z")
        log = prediction_log.read(folder, since, min(now, since + dt.timedelta(days=1)))
        its = log["model"].isin(list(models)) & log["id"].isin(known["id"]) & (log["variant"] != "shadow")
        found.append(labels.joined(folder, log[its]))
        if sum(map(len, found)) >= most:
            break
    whole = pd.concat(found[::-1]) if found else labels.joined(folder, prediction_log.read(folder, now, now))
    return whole.tail(most).reset_index(drop=True)


def scored(log: pd.DataFrame, bundle: Bundle, folder: Path, metric: str) -> Scored:
    """Labelled answers of one model.

    Args:
        log: what `labelled` returns, of this model, or with labels put beside it.
        bundle: the model; a log-loss needs the probability of every class, for which it is asked again.
        folder: of the log, where the pictures are.
        metric: by its name.
    """
    classes, all_ = bundle.card.classes, len(log)
    told = log["answer"].map(lambda answer: answer["prediction"])
    if classes is None:
        target, prediction = (pd.to_numeric(column, errors="coerce") for column in (log["label"], told))
        readable = target.notna() & prediction.notna()
    else:
        target, prediction = (column.map(lambda value: _word(value, classes)).astype(object) for column in (log["label"], told))
        readable = pd.Series(True, index=log.index)
    answers = pd.DataFrame({"prediction": prediction})[readable]
    if metric == "log_loss":
        inputs, segments = replay.inputs_of(log[readable], bundle.card, folder)
        answers = answers.loc[inputs.index]
        if len(inputs):
            answers = said(bundle.pipeline[-1], bundle.pipeline[0].transform(inputs), inputs.index, segments)
    log = log.loc[answers.index]
    return Scored(pd.DataFrame({"target": target.loc[answers.index], "group": who(log)}), answers, log, all_ - len(log))


def who(log: pd.DataFrame) -> pd.Series:
    """Whose answers they are, for those of one are alike; where the key is private, every answer is somebody's."""
    return log["key"].astype(object).where(log["key"].notna(), log["id"]).map(str)


def _word(value: Any, classes: Sequence[str]) -> str:
    """A class by its name: JSON says 1 where the model says 1.0, or the other way round."""
    return str(value) if str(value) in classes else label(value)
