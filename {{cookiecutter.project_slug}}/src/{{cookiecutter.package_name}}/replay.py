"""Replay: what was logged is answered again, by the model that gave it; the same inputs have the same answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from . import prediction_log
from .bundle import Bundle
from .card import Card
from .data.batches import ROWS
from .data.schema import conform
from .model.answers import COLUMNS
from .model.persistence import BundleError
from .proof import TOLERANCE
from .redaction import PICTURE

MASKED = "private values are not in the log"
NOT_KEPT = "a picture was not kept"


@dataclass(frozen=True)
class Replay:
    """How many answers came out as they were logged, why others, by id, were left out, and in what the rest differ."""

    equal: int
    left_out: Mapping[str, str]
    differences: pd.DataFrame


def replay(log: pd.DataFrame, folder: Path, load: Callable[[str], Bundle]) -> Replay:
    """Answer logged rows again, each by the model that gave its answer.

    Args:
        log: as `prediction_log.read` returns it.
        folder: of the log, for pictures.
        load: gives the bundle of a version; what it refuses is told.
    """
    equal, left_out, found = 0, dict[str, str](), list[pd.DataFrame]()
    for version, its in log.groupby("model", sort=False):
        try:
            bundle = load(str(version))
        except BundleError as error:
            left_out |= dict.fromkeys(its["id"], str(error))
            continue
        for part in (its[start : start + ROWS] for start in range(0, len(its), ROWS)):
            again = replayed(bundle, part, folder)
            hidden = zip(part.index, part["id"], _hidden(part, _read(bundle.card)), strict=True)
            left_out |= {id_: MASKED if masked else NOT_KEPT for at, id_, masked in hidden if at not in again.index}
            found.append(differences(part, again))
            equal += len(again) - found[-1]["id"].nunique()
    others = [part for part in found if len(part)]
    return Replay(equal, left_out, pd.concat(others) if others else differences(log[:0], _answers([])))


def inputs_of(log: pd.DataFrame, card: Card, folder: Path) -> tuple[pd.DataFrame, pd.Series | None]:
    """What a model read of logged answers.

    Args:
        log: as `prediction_log.read` returns it.
        card: of the model.
        folder: of the log.

    Returns:
        Its columns in their form, pictures as bytes; and the segment of each row, None where it was not given. Rows with a
        private value, or a picture that was not kept, are left out, which the index tells.
    """
    segment, forms = card.data.segment, card.columns.modalities()
    frame = conform(restored(log, _read(card), card.columns.image, folder), forms)
    if segment is None:
        return frame, None
    given = [answer.get("route_source") == "given" for answer in log.loc[frame.index, "answer"]]
    known = conform(frame[[segment]], {segment: "categories"})[segment].where(pd.Series(given, frame.index, dtype=bool), None)
    return frame[list(forms)], known


def restored(log: pd.DataFrame, names: Sequence[str], images: Collection[str], folder: Path) -> pd.DataFrame:
    """Some columns of what was logged, as JSON values, pictures as bytes; without the rows that lack one of them."""
    its = log.loc[[not hidden for hidden in _hidden(log, names)]]
    frame = pd.DataFrame([[row.get(name) for name in names] for row in its["inputs"]], its.index, list(names), dtype=object)
    digests = {name: [value and value[PICTURE] for value in frame[name]] for name in names if name in images}
    held = prediction_log.pictures(folder, {digest for listed in digests.values() for digest in listed if digest})
    kept = [all(not digest or digest in held for digest in row) for row in zip(*digests.values(), strict=True)]
    for name, listed in digests.items():
        frame[name] = pd.Series([held.get(digest or "") for digest in listed], frame.index, dtype=object)
    return frame.loc[kept] if digests else frame


def replayed(bundle: Bundle, log: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """What a bundle answers now to what was logged, with the index of the rows that could be answered: `Answerer.answers`."""
    inputs, known = inputs_of(log, bundle.card, folder)
    return bundle.answerer.answers(inputs, known) if len(inputs) else _answers([])


def differences(log: pd.DataFrame, replayed: pd.DataFrame) -> pd.DataFrame:
    """Where an answer is another one: a number beyond 1e-9, or a word.

    Returns:
        `id`, `field`, and what it was when `logged` and is when `replayed`, with the index of the log.
    """
    its, fields = log.loc[replayed.index], [str(name) for name in replayed]
    told = zip(its.index, its["id"], its["answer"], _records(replayed), strict=True)
    rows = [(at, id_, name, was.get(name), now[name]) for at, id_, was, now in told for name in fields]
    other = [row for row in rows if not _same(row[3], row[4])]
    index = pd.Index([at for at, *_ in other], dtype=log.index.dtype)
    return pd.DataFrame([row for _, *row in other], index, ["id", "field", "logged", "replayed"])


def _read(card: Card) -> list[str]:
    """The columns that shape an answer."""
    return list(dict.fromkeys([*card.columns.names, *([card.data.segment] if card.data.segment else [])]))


def _hidden(log: pd.DataFrame, names: Sequence[str]) -> list[bool]:
    """Which rows hold a private value in one of the columns."""
    return [not set(names).isdisjoint(masked) for masked in log["masked"]]


def _answers(rows: list[Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _records(answers: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answers.to_dict(orient="records")  # type: ignore[assignment]
    return found


def _same(was: Any, now: Any) -> bool:
    if isinstance(was, float | int) and isinstance(now, float | int) and now == now:
        return math.isclose(was, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(was is None and (now is None or now != now)) or bool(was == now)
