"""A logged answer explained: when and by which model it was given, of what, whether it comes out the same again, and why.

The model is the one that gave it, whether it answers still or not; of a private value the log knows only that it was there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

from . import prediction_log, registry
from .bundle import Bundle
from .explanation import NOTHING, Part, in_steps, moved, told
from .model.persistence import BundleError
from .redaction import PICTURE
from .refusal import Refusal
from .replay import MASKED, NOT_KEPT, differences, inputs_of, replayed
from .settings import Settings

IDENTITY = re.compile(r"\d{8}-[0-9a-f]{20}")  # as `prediction_log.identity` makes it
HEAD = ("id", "at", "model", "by", "part", "route", "answer")


def found(settings: Settings, root: Path, id_: str) -> pd.DataFrame:
    """An answer's one row in the log.

    Raises:
        Refusal: there is none.
    """
    folder = root / settings.logging.folder
    log = prediction_log.read(folder, id=id_)
    if log.empty:
        raise Refusal(
            f"no answer in {folder} has the id {id_!r}; `log` lists those that there are, for {settings.logging.keep_days} days"
        )
    return log


def as_logged(log: pd.DataFrame) -> list[Part]:
    """What the log says of an answer, its one row: how it came about, what the model read, what was said."""
    row = log.iloc[0]
    named = {"at": "when", "model": "by model", "variant": "which was the", "source": "asked by", "request": "request"}
    came = [(word, moment(row[name]) if name == "at" else row[name]) for name, word in named.items()]
    inputs = [(name, _shown(value, name in row["masked"])) for name, value in row["inputs"].items()]
    answer = [(name, value) for name, value in row["answer"].items() if value is not None]
    return [
        Part(f"logged answer {row['id']}", ("", ""), came),
        Part("what the model read, as logged", ("column", "value"), inputs),
        Part("answer, as logged", ("", ""), answer),
    ]


def why(settings: Settings, root: Path, log: pd.DataFrame) -> list[Part]:
    """Whether an answer, the one row of a log, comes out the same again by the model that gave it, and what moved it.

    Raises:
        Refusal: that model was removed, or what it read is not in the log.
    """
    [version], [id_], folder = log["model"], log["id"], root / settings.logging.folder
    bundle = _bundle(settings, root, version, id_)
    inputs, known = inputs_of(log, bundle.card, folder)
    if inputs.empty:
        what = MASKED if any(name in log["masked"].iloc[0] for name in bundle.card.columns.names) else NOT_KEPT
        raise Refusal(f"answer {id_} cannot be given again, nor explained: {what}; what is shown is all that was logged")
    other = differences(log, replayed(bundle, log, folder))
    same = [tuple(row) for row in other[["field", "logged", "replayed"]].itertuples(index=False)]
    words, head = ("is another one now", ("field", "logged", "now")) if same else ("is the same", ())
    again = Part(f"the same inputs again, by that model: the answer {words}", head, same)
    segment = None if known is None else known.iloc[0]
    return [again, *moved(bundle, root, inputs, segment), *in_steps(bundle, inputs, segment)]


def listed(log: pd.DataFrame, title: str) -> Part:
    """Logged answers, the newest first, a line each."""
    rows = [
        (row["id"], moment(row["at"]), row["model"], row["source"], row["variant"], row["route"] or NOTHING, answer_of(row))
        for row in log[::-1].to_dict(orient="records")
    ]
    return Part(title, HEAD, rows)


def answer_of(row: Any) -> str:
    """The prediction of a row of the log, and its probability if it has one."""
    said = row["answer"]
    probability = said.get("probability")
    return told(said["prediction"]) if probability is None else f"{told(said['prediction'])} {probability:.3f}"


def moment(at: pd.Timestamp) -> str:
    """A time in UTC, to the second, in the form that `--since` takes."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _bundle(settings: Settings, root: Path, version: str, id_: str) -> Bundle:
    try:
        return registry.load(root / registry.FOLDER, version, settings.model.saved_as)
    except BundleError as error:
        if (root / registry.FOLDER / version).exists():
            raise
        raise Refusal(
            f"answer {id_} was given by model {version}, which was removed from {registry.FOLDER}/, as gate.keep = "
            f"{settings.gate.keep} does with the oldest; it can be explained no more, and what is shown is all that was logged"
        ) from error


def _shown(value: Any, masked: bool) -> Any:
    if masked:
        return "(private: not in the log)"
    return f"picture {value[PICTURE][:12]}" if isinstance(value, dict) else value
