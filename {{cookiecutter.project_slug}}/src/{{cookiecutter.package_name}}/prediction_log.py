"""The prediction log: every answer, what it was made of and how it came about; one ledger a day.

An answer is in the file before its caller has it, and a killed process takes none of them along. Many processes write at once.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any, Literal

import pandas as pd

from . import ledger
from .operations import Logging
from .redaction import PICTURE, Redaction, as_json
from .refusal import Refusal

TABLES = """
CREATE TABLE predictions (
    id TEXT PRIMARY KEY, at TEXT NOT NULL, request TEXT NOT NULL, key, model TEXT NOT NULL,
    variant TEXT NOT NULL, source TEXT NOT NULL, route TEXT, milliseconds REAL NOT NULL,
    inputs TEXT NOT NULL, answer TEXT NOT NULL, masked TEXT NOT NULL
);
CREATE INDEX predictions_at ON predictions (at);
CREATE TABLE pictures (digest TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TRIGGER only_added_to BEFORE UPDATE ON predictions
BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
"""
COLUMNS = ("id", "at", "request", "key", "model", "variant", "source", "route", "milliseconds", "inputs", "answer", "masked")

Variant = Literal["champion", "candidate", "shadow"]
Time = dt.datetime | None


class LogError(Refusal):
    """An answer that could not be logged, or a log that cannot be read."""


@dataclass(frozen=True)
class Entry:
    """An answer, and what it was made of.

    Args:
        at: when it was given; the file is that of its day in UTC.
        request: the id of the request that it belongs to.
        variant: the part that the model plays.
        source: "api", "batch" or "command".
        milliseconds: that its request had taken by then.
        inputs: JSON values by column, as the model read them; pictures as base64.
        answer: what was said, the entity's key and the model's version with it.
    """

    at: dt.datetime
    request: str
    key: int | str
    model: str
    variant: Variant
    source: str
    milliseconds: float
    inputs: Mapping[str, Any]
    answer: Mapping[str, Any]


class PredictionLog:
    """Where answers are added; a file is opened with the first one of its day.

    Args:
        folder: of the files.
        rules: what the settings say.
        entity: as in `Redaction`; likewise `images` and `private`.
    """

    def __init__(
        self, folder: Path, rules: Logging, entity: str, images: Collection[str] = (), private: Collection[str] = ()
    ) -> None:
        self.folder, self.rules, self.redaction = folder, rules, Redaction(entity, frozenset(images), frozenset(private))
        self._lock = Lock()
        self._file: int | None = None  # by its number
        self._connection: sqlite3.Connection | None = None

    def add(self, entries: Sequence[Entry], ids: Sequence[str] | None = None) -> list[str] | None:
        """Keep some answers, of one day all or none.

        Args:
            entries: the answers.
            ids: as `identity` makes them, of answers that may be logged already, and are not logged twice; without them,
                new ones.

        Returns:
            Their ids, or None where they are lost and the settings say to answer all the same.

        Raises:
            LogError: they cannot be kept, and the settings say to refuse then.
        """
        ids = list(ids) if ids is not None else [identity(entry.at) for entry in entries]
        pictures: dict[str, bytes] = {}
        rows = [self._row(id_, entry, pictures) for id_, entry in zip(ids, entries, strict=True)]
        try:
            with self._lock:
                for day in sorted({row[1][:10] for row in rows}):
                    self._write(day, [row for row in rows if row[1][:10] == day], pictures)
        except (sqlite3.Error, OSError) as error:
            self.close()  # whatever is wrong with the file, the next answer tries another connection
            what = f"{len(ids)} answers cannot be logged in {self.folder}: {error}; make room there, or mend its rights"
            if self.rules.on_failure == "refuse":
                raise LogError(what) from None
            logging.getLogger(__name__).error("%s; they are given all the same, as logging.on_failure says", what)
            return None
        return ids

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._forget()

    def _row(self, id_: str, entry: Entry, pictures: dict[str, bytes]) -> tuple[Any, ...]:
        """What is written of an answer; its pictures are added to the others."""
        inputs, shown = self.redaction.inputs(entry.inputs)
        answer, masked = self.redaction.answer(entry.answer, entry.inputs), self.redaction.masked(entry.inputs)
        pictures |= shown if self.rules.pictures else {}
        at = entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds")
        came = (entry.request, self.redaction.key(entry.key), entry.model, entry.variant, entry.source)
        return (id_, at, *came, answer.get("route"), entry.milliseconds, inputs, as_json(answer), json.dumps(masked))

    def _write(self, day: str, rows: Sequence[tuple[Any, ...]], pictures: Mapping[str, bytes]) -> None:
        path, places = self.folder / f"{day}.sqlite", ", ".join("?" * len(COLUMNS))
        for _ in range(3):  # until it is in the file that others see: one that was deleted meanwhile takes its answers along
            connection = self._opened(path)
            with connection:  # one transaction
                connection.executemany("INSERT INTO pictures VALUES (?, ?) ON CONFLICT DO NOTHING", pictures.items())
                connection.executemany(f"INSERT INTO predictions VALUES ({places}) ON CONFLICT (id) DO NOTHING", rows)  # noqa: S608 no value
            if ledger.number(path) == self._file:
                return
        raise OSError(f"{path.name} is deleted as soon as it is written")

    def _opened(self, path: Path) -> sqlite3.Connection:
        """The day's file, which is opened again if it is another one by now; with a new day go the days that are too old."""
        if self._connection is None or self._file != ledger.number(path):
            self._forget()
            self._connection, self._file = ledger.writing(path, TABLES), ledger.number(path)
            for old in ledger.days(self.folder):
                if dt.date.fromisoformat(path.stem) - dt.date.fromisoformat(old.stem) >= dt.timedelta(self.rules.keep_days):
                    ledger.remove(old)
        return self._connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def identity(at: dt.datetime, of: str | None = None) -> str:
    """An answer's id, which begins with its day: a new one, or the one that the same words always give."""
    return f"{at.astimezone(dt.UTC):%Y%m%d}-{token_hex(10) if of is None else sha256(of.encode()).hexdigest()[:20]}"


def read(
    folder: Path,
    since: Time = None,
    until: Time = None,
    last: int | None = None,
    columns: Sequence[str] = COLUMNS,
    **only: int | str | None,
) -> pd.DataFrame:
    """The answers that were logged from `since` on and before `until`, the oldest first; of them the last ones, if so many are.

    `only` is the `id` or the `key` of those asked for.

    Returns:
        The columns asked for: `at` is a time in UTC, `inputs` and `answer` are dictionaries, `masked` is a list of columns.

    Raises:
        LogError: a file cannot be read.
    """
    low, high = ("" if end is None else end.astimezone(dt.UTC).isoformat(timespec="microseconds") for end in (since, until))
    asked = {name: str(value) for name, value in only.items() if value is not None}
    of = "".join(f" AND CAST({name} AS TEXT) = ?" for name in asked)
    query = f"SELECT {', '.join(columns)} FROM predictions WHERE at >= ? AND at < ?{of} ORDER BY at DESC, rowid DESC LIMIT ?"  # noqa: S608 no value
    found: list[tuple[Any, ...]] = []  # the newest first
    for path in reversed(ledger.days(folder)):
        if low[:10] <= path.stem <= (high or "9"):
            found += _rows(path, query, (low, high or "9", *asked.values(), -1 if last is None else last - len(found)))
    frame = pd.DataFrame(found[::-1], columns=list(columns))
    frame["at"] = pd.to_datetime(frame["at"], utc=True, format="ISO8601")
    for name in {"inputs", "answer", "masked"} & {*columns}:
        frame[name] = pd.Series([json.loads(text) for text in frame[name]], index=frame.index, dtype=object)
    return frame


def known(folder: Path, ids: Collection[str]) -> set[str]:
    """Those of some ids that answers in the log have.

    Raises:
        LogError: a file cannot be read.
    """
    days = {path: [id_ for id_ in ids if id_.startswith(f"{path.stem.replace('-', '')}-")] for path in ledger.days(folder)}
    return {id_ for path, its in days.items() for (id_,) in _rows(path, "SELECT id FROM predictions WHERE id IN", its)}


def pictures(folder: Path, digests: Collection[str]) -> dict[str, bytes]:
    """What pictures of logged answers held, by digest, those that were kept.

    Raises:
        LogError: a file cannot be read.
    """
    found: dict[str, bytes] = {}
    for path in reversed(ledger.days(folder)):
        left = [digest for digest in digests if digest not in found]
        found |= dict(_rows(path, "SELECT digest, content FROM pictures WHERE digest IN", left))
    return found


def forget(folder: Path, key: int | str) -> int:
    """Delete the answers about an entity, with pictures that no other one was made of, and tell how many there were.

    Raises:
        LogError: a file cannot be written.
    """
    used = f"SELECT json_extract(value, '$.{PICTURE}') FROM predictions, json_each(inputs) WHERE type = 'object'"  # noqa: S608 no value
    its = ("DELETE FROM predictions WHERE CAST(key AS TEXT) = ?", (str(key),))
    alone = (f"DELETE FROM pictures WHERE digest NOT IN ({used})", ())  # noqa: S608 no value
    gone = 0
    for path in ledger.days(folder):
        with _told(path):
            gone += ledger.erase(path, [its, alone])
    return gone


def _rows(path: Path, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    with _told(path):
        return ledger.rows(path, query, values)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise LogError(f"{path} cannot be used as a log of predictions: {error}; restore it, or take it away") from None
