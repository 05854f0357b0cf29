"""Feedback: logged answers that somebody should look at, and labelled ones as rows to learn from."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pyarrow as pa

from . import labels, ledger, prediction_log
from .data.schema import conform
from .refusal import Refusal
from .replay import restored
from .settings import Settings

TYPES = {
    "numbers": pa.float64(),
    "categories": pa.string(),
    "text": pa.string(),
    "image": pa.binary(),
    "dates": pa.timestamp("us", "UTC"),
    "time": pa.timestamp("us", "UTC"),
    "key": pa.string(),
}
OWN = ("id", "key", "at", "prediction", "probability", "label")  # columns of a review


class FeedbackError(Refusal):
    """Feedback that cannot be asked for, or not be learned from."""


@dataclass(frozen=True)
class Collected:
    """Rows to learn from, who said so, and why other labelled answers are not among them."""

    rows: pa.Table
    sources: Mapping[str, int]
    left_out: Mapping[str, int]


def review(folder: Path, settings: Settings) -> pd.DataFrame:
    """The answers that nobody has labelled and of which the model was not sure, the unsurest first.

    Args:
        folder: of the prediction log.
        settings: say below which probability, and what the model reads.

    Returns:
        OWN, the label empty; before it what the model read, but for pictures.

    Raises:
        FeedbackError: the task has no probabilities.
    """
    if settings.data.task == "regression":
        raise FeedbackError("settings.toml: data.task is regression, whose answers have no probability; label what you know")
    columns, below = settings.columns, settings.feedback.review_below
    forms = {name: kind for name, kind in columns.modalities().items() if kind != "image"}
    forms |= {settings.data.segment: "categories"} if settings.data.segment else {}
    found = []
    for log in _days(folder):
        told = labels.joined(folder, log)
        looked_at = told["id"][told["source_of_label"] != "model"]
        said = [answer.get("probability") for answer in log["answer"]]
        unsure = pd.Series([value is not None and value < below for value in said], log.index, dtype=bool)
        its = log[unsure & ~log["id"].isin(looked_at)]
        shown = {name: [answer.get(name) for answer in its["answer"]] for name in ("prediction", "probability")}
        shown |= {_apart(name): [row.get(name) for row in its["inputs"]] for name in forms}
        found += [its[["id", "key", "at"]].assign(**shown)] if len(its) else []
    whole = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*OWN[:-1], *map(_apart, forms)])
    whole = conform(whole, {_apart(name): form for name, form in forms.items()} | dict.fromkeys(("key", "prediction"), "text"))
    whole = whole.sort_values("probability", kind="stable", ignore_index=True)
    return whole.assign(label=pd.Series(None, whole.index, dtype=object))


def collect(folder: Path, settings: Settings, stored: Collection[str]) -> Collected:
    """The labelled answers as one more file of the table `data.rows`.

    A row has the raw columns that the model read and the time of its answer, by which its features come from the store again.

    Args:
        folder: of the prediction log.
        settings: say what a row holds, and whose labels may be learned from.
        stored: the features, which are no raw columns.

    Raises:
        FeedbackError: rows are split by what no answer holds.
        LabelError: a label is no target of the task.
        SchemaError: a logged value cannot be brought into the form of its column.
    """
    data, columns = settings.data, settings.columns
    raw = {name: kind for name, kind in columns.modalities().items() if name not in stored}
    raw |= {data.segment: "categories"} if data.segment and data.segment not in stored else {}
    if settings.split.by not in {*raw, data.entity, data.event_time}:
        raise FeedbackError(f"settings.toml: split.by = {settings.split.by!r} is logged of no answer; split by data.entity")
    found, sources, left_out = [], Counter[str](), Counter[str]()
    for log in _days(folder):
        told = labels.joined(folder, log)
        learned = told[told["source_of_label"].isin(settings.feedback.learn_from)]
        rows = restored(learned[learned["key"].notna()], list(raw), columns.image, folder)
        its = learned.loc[rows.index]
        target = [labels.formed(value, data.task) for value in its["label"]]
        whole = {data.entity: its["key"], data.target: pd.Series(target, its.index, dtype=object)}
        whole |= {data.event_time: its["at"]} if data.event_time and data.event_time not in raw else {}
        whole |= {"prediction_id": its["id"], "label_source": its["source_of_label"], "label_by": its["by"]}
        found += [rows.assign(**whole)] if len(its) else []
        sources += Counter(its["source_of_label"])
        others = told["source_of_label"][~told.index.isin(learned.index)]
        left_out += Counter(f"labels of source {name!r}" for name in others)
        left_out += Counter({"private values or pictures are not in the log": len(learned) - len(its)})
    if not sources:
        reasons = "; ".join(f"{reason}: {count}" for reason, count in left_out.items()) or "none is labelled"
        raise FeedbackError(f"no answer in {folder} can be learned from: {reasons}; give labels with `labels add`")
    forms = raw | {data.entity: "key", data.target: "numbers" if data.task == "regression" else "categories"}
    forms |= {data.event_time: "time"} if data.event_time and data.event_time not in raw else {}
    forms |= dict.fromkeys(("prediction_id", "label_source", "label_by"), "text")
    return Collected(_table(pd.concat(found).set_index("prediction_id", drop=False), forms), sources, left_out)


def with_paths(rows: pa.Table, images: Collection[str], folder: Path) -> pa.Table:
    """The rows with the paths of pictures, which are written into a folder, each once, under its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in images:
        paths: list[str | None] = []
        for content in rows[name].to_pylist():
            paths.append(None if content is None else str(folder / sha256(content).hexdigest()))
            if content is not None and not Path(str(paths[-1])).exists():
                new = folder / f".{os.getpid()}"
                new.write_bytes(content)
                new.replace(str(paths[-1]))
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(paths, pa.string()))
    return rows


def _days(folder: Path) -> Iterator[pd.DataFrame]:
    """The answers that were given to somebody, a day at a time."""
    for path in ledger.days(folder):
        day = dt.datetime.combine(dt.date.fromisoformat(path.stem), dt.time(), dt.UTC)
        log = prediction_log.read(folder, day, day + dt.timedelta(days=1))
        yield log[log["variant"] != "shadow"]


def _table(rows: pd.DataFrame, forms: Mapping[str, str]) -> pa.Table:
    """Typed by the forms of the columns, for one without a value tells no type."""
    rows = conform(rows, forms)[list(forms)]
    whole = {name for name in forms if pd.api.types.is_integer_dtype(rows[name])}  # a key
    schema = pa.schema([(name, pa.int64() if name in whole else TYPES[form]) for name, form in forms.items()])
    return pa.Table.from_pandas(rows, schema, preserve_index=False)


def _apart(name: str) -> str:
    """The name of an input beside the columns of a review."""
    return f"input {name}" if name in OWN else name
