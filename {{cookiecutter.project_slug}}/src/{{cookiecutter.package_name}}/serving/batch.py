"""Batch scoring: the rows of a file, answered a chunk at a time, beside a key; rows that cannot be answered are put aside.

Memory does not grow with the file, and a run that was killed goes on where it was: each chunk's answers are a file of their own
until all are there.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from ..data.batches import as_frame
from ..data.schema import SchemaError, with_bytes
from ..data.sources import FORMATS, SourceError, frames
from ..digests import digest, digest_of
from ..prediction_log import PredictionLog, identity
from .predictor import Predictor


@dataclass(frozen=True)
class Scored:
    """How far a run has come, and where the rows are that could not be answered, if there are any."""

    answered: int
    rejected: int
    aside: Path | None = None


@dataclass(frozen=True)
class Run:
    """A run over a file: who answers, since when, and where that is logged.

    Args:
        predictor: answers.
        root: where the relative path of a picture begins.
        now: when it began, however often it was cut short.
        name: of this run alone; with a row's number it makes the id of an answer.
        log: where answers are added; none, and they are not logged.
    """

    predictor: Predictor
    root: Path
    now: dt.datetime
    name: str
    log: PredictionLog | None


def score(
    predictor: Predictor, source: Path, target: Path, root: Path, now: dt.datetime, log: PredictionLog | None = None
) -> Iterator[Scored]:
    """Answer every row of a file that can be answered.

    Args:
        predictor: answers.
        source: a CSV or Parquet file with the raw columns; others are ignored.
        target: a .csv or .parquet file; it appears once every row was tried. The rows that could not be answered are put
            beside it, as `NAME.rejected` with the source's ending, each with its `reason`.
        root: where the relative path of a picture begins.
        now: decides which stored features are still valid; a run that goes on keeps the time at which it began.
        log: where every answer is added before it is written; its id then stands beside it as `prediction_id`.

    Yields:
        How many rows were tried so far; the last time, where the rejected ones are.

    Raises:
        SourceError: a file is absent, empty or of another format, or no row of it can be answered.
        SchemaError: a column is missing.
        LogError: an answer cannot be logged, and the settings say to refuse then.
    """
    check_paths(source, target)
    card = predictor.bundle.card
    as_text = {*card.columns.categories, *card.columns.text, card.data.segment or ""}
    as_text |= {card.data.entity} if card.key == "text" else set()
    predictor.check_columns(next(frames([source], as_text)))
    parts = target.absolute().with_name(f".{target.name}.parts")
    with FileLock(f"{parts}.lock"):  # a second run waits, and then begins anew
        run = Run(predictor, root, *_begun(parts, digest_of([digest(source), card.version]), now), log)
        answered = rejected = 0
        for number, rows in enumerate(_chunks(frames([source], as_text))):
            part, aside = parts / f"{number:06}.answers", parts / f"{number:06}.rejected"
            if not part.exists():
                _try(run, rows, part, aside)
            answered += pq.read_metadata(part).num_rows
            rejected += pq.read_metadata(aside).num_rows if aside.exists() else 0
            yield Scored(answered, rejected)
        try:
            yield Scored(answered, rejected, _finished(parts, source, target))
        finally:
            shutil.rmtree(parts)
            Path(f"{parts}.lock").unlink(missing_ok=True)


def check_paths(source: Path, target: Path) -> None:
    """Refuse files that cannot be read or written, before a model is loaded for them.

    Raises:
        SourceError: a file is absent or of another format.
    """
    for path in (source, target):
        _check_format(path)
    if not source.is_file():
        raise SourceError(f"there is no file {str(source)!r}; mend the path")
    if source.resolve() == target.resolve():
        raise SourceError(f"{target} holds the rows; give the answers another file")
    check_target(target)


def check_target(target: Path) -> None:
    """Refuse a file that cannot be written.

    Raises:
        SourceError: it is of another format, or its folder is absent.
    """
    _check_format(target)
    if not target.absolute().parent.is_dir():
        raise SourceError(f"there is no folder {str(target.parent)!r} to write to; make it or mend the path")


def write(rows: pd.DataFrame, target: Path) -> None:
    """Put a whole file in its place in one move: CSV if it is called so, else Parquet."""
    put([pa.Table.from_pandas(rows, preserve_index=False)], target)


def _check_format(path: Path) -> None:
    if path.suffix not in FORMATS:
        raise SourceError(f"{path} is neither .csv nor .parquet; give it one of these endings")


def _begun(parts: Path, what: str, now: dt.datetime) -> tuple[dt.datetime, str]:
    """Make ready for a run, or find the one that was cut short, of the same file and model; since when, and its name."""
    note = parts / "run.json"
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        if told["what"] == what:
            return dt.datetime.fromisoformat(told["now"]), str(told["name"])
    except (FileNotFoundError, ValueError, KeyError):
        pass  # there was none, or it was killed while it began
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir()
    name = token_hex(16)
    note.write_text(json.dumps({"what": what, "now": now.isoformat(), "name": name}), encoding="utf-8")
    return now, name


def _chunks(found: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Frames that have rows, by their numbers in the file."""
    start = 0
    for rows in found:
        if len(rows):
            yield rows.set_axis(pd.RangeIndex(start, start + len(rows)))
            start += len(rows)


def _try(run: Run, rows: pd.DataFrame, part: Path, aside: Path) -> None:
    """Write a chunk's answers, and before them the rows that have none: where there are answers, the chunk is done."""
    reasons: dict[int, str] = {}
    answers = list(_answered(run, rows, reasons))
    if reasons:
        write(rows.loc[list(reasons)].assign(reason=list(reasons.values())), aside)
    write(pd.concat(answers) if answers else pd.DataFrame(), part)


def _answered(run: Run, rows: pd.DataFrame, reasons: dict[int, str]) -> Iterator[pd.DataFrame]:
    """The answers to rows; of those that are refused together, each half by itself, down to the row and its reason."""
    began = time.perf_counter()
    try:
        whole, _ = with_bytes(rows, run.predictor.bundle.card.columns.image, run.root)
        answers, inputs = run.predictor.answered(whole, run.now)
    except SchemaError as error:
        if len(rows) == 1:
            reasons[int(rows.index[0])] = str(error)
            return
        half = len(rows) // 2
        yield from _answered(run, rows.iloc[:half], reasons)
        yield from _answered(run, rows.iloc[half:], reasons)
        return
    yield answers if run.log is None else _logged(run, run.log, answers, inputs, 1000 * (time.perf_counter() - began))


def _logged(run: Run, log: PredictionLog, answers: pd.DataFrame, inputs: pd.DataFrame, milliseconds: float) -> pd.DataFrame:
    """The answers beside their ids, which are the same when a chunk is tried again; None where the log lost them."""
    replies = run.predictor.told(answers, inputs)
    entries = [run.predictor.entry(reply, run.now, run.name, "batch", milliseconds) for reply in replies]
    ids = log.add(entries, [identity(run.now, f"{run.name} {number}") for number in answers.index])
    return answers.assign(prediction_id=pd.Series(ids, answers.index, dtype=object))


def _finished(parts: Path, source: Path, target: Path) -> Path | None:
    """Put the answers in their place, and what was rejected beside them; tells where, if there is something."""
    aside = target.with_name(f"{target.stem}.rejected{source.suffix}")
    aside.unlink(missing_ok=True)
    rejected, answers = sorted(parts.glob("*.rejected")), sorted(parts.glob("*.answers"))
    if rejected:
        put(_tables(rejected), aside)
    if not any(pq.read_metadata(path).num_rows for path in answers):
        if not rejected:
            raise SourceError(f"{source} has no row; there is nothing to answer")
        first = pq.read_table(rejected[0], columns=["reason"])["reason"][0]
        raise SourceError(f"no row of {source} can be answered; the first: {first}; all of them stand in {aside}")
    put(_tables(answers), target)
    return aside if rejected else None


def _tables(paths: list[Path]) -> Iterator[pa.Table]:
    """Parquet files one after another; a column that holds nothing but nulls in one of them gets the type of the others."""
    schema = pa.unify_schemas([pq.read_schema(path) for path in paths], promote_options="permissive")
    for path in paths:
        table = pq.read_table(path)
        if table.num_rows:
            yield table.cast(schema)


def put(tables: Iterable[pa.Table], target: Path) -> None:
    """Put tables of one schema in their place in one move: CSV if the file is called so, else Parquet."""
    new = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with ExitStack() as opened:
            for number, table in enumerate(tables):
                if target.suffix == ".csv":
                    as_frame(table).to_csv(new, index=False, mode="a" if number else "w", header=not number)
                elif not number:
                    writer = opened.enter_context(pq.ParquetWriter(new, table.schema))
                if target.suffix != ".csv":
                    writer.write_table(table)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
