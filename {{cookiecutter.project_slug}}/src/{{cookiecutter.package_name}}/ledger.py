"""Ledgers: SQLite files that are only added to, by many processes at once.

What was written to one is there, whoever is killed then.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from filelock import FileLock

SECONDS = 5.0  # that one waits for the others
ASKED = 500  # values in one query; SQLite may be made to take no more than 999


class BusyError(OSError):
    """A file that another process would not let go of."""


def writing(path: Path, tables: str) -> sqlite3.Connection:
    """A ledger to add to, made if there is none; of processes that make it at the same moment, one does.

    Args:
        path: of the file.
        tables: SQL that makes them.

    Raises:
        sqlite3.Error: it cannot be opened.
        OSError: it cannot be made.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.parent / ".lock", timeout=SECONDS):
            if not path.exists():
                _make(path, tables)
    connection = _opened(path, "rw")
    connection.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; a machine without power may
    return connection


def days(folder: Path) -> list[Path]:
    """The ledgers in a folder that are named for a day, the oldest first."""
    return sorted(path for path in folder.glob("????-??-??.sqlite") if _is_day(path.stem))


def rows(path: Path, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """What a query gives; nothing, of a ledger that is not there.

    Args:
        path: of the file.
        query: SQL. One that ends with IN is asked of some of the values at a time, for there may be many.
        values: for its question marks, or to be listed at its end.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    asked = [(query, values)]
    if query.endswith(" IN"):
        parts = [values[start : start + ASKED] for start in range(0, len(values), ASKED)]
        asked = [(f"{query} ({', '.join('?' * len(part))})", part) for part in parts]
    try:
        with closing(_opened(path, "ro")) as connection:
            return [row for text, part in asked for row in connection.execute(text, tuple(part))]
    except sqlite3.Error:
        if path.exists():
            raise
        return []


def erase(path: Path, statements: Sequence[tuple[str, tuple[object, ...]]]) -> int:
    """Delete rows so that no byte of them stays in a ledger, and tell how many the first statement took.

    Args:
        path: of the file.
        statements: DELETEs and their values, which are one transaction.

    Raises:
        sqlite3.Error: it cannot be written.
        BusyError: the rows are gone, but their bytes are not, for somebody is reading them.
    """
    if not path.exists():
        return 0
    with closing(_opened(path, "rw")) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        with connection:
            first, *_ = [connection.execute(statement, values).rowcount for statement, values in statements]
        [(busy, *_)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if busy:
        raise BusyError(f"{path.name} is being read, and keeps the bytes of what was deleted until this is done again")
    return first


def number(path: Path) -> int | None:
    """By which to know whether a path is the same file still; None if there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def remove(path: Path) -> None:
    """Take a ledger away, with what SQLite keeps beside it."""
    for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        part.unlink(missing_ok=True)


def _is_day(word: str) -> bool:
    try:
        return str(dt.date.fromisoformat(word)) == word
    except ValueError:
        return False


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    """A file that is there; to make one is another matter. A connection may go from thread to thread, one at a time."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=SECONDS, check_same_thread=False)


def _make(path: Path, tables: str) -> None:
    """Put it in its place once it has its tables: nobody finds half of one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)  # a container's processes have the same number each time, a killed one's too
        with closing(sqlite3.connect(new)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(tables)
        new.replace(path)
    finally:
        remove(new)
