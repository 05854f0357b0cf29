"""One writer at a time: what a store holds before a write, and the moment from which the write is done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from ..digests import digest
from .catalog import CATALOG, Catalog, Part, StoreError, read_catalog, sweep, write_catalog
from .online import write_online

SECONDS_TO_WAIT = 300  # for another writer


@contextmanager
def writing(folder: Path) -> Iterator[Catalog]:
    """What the store holds, while nobody else can write it; what a killed writer left is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(folder / ".lock").acquire(timeout=SECONDS_TO_WAIT)
    except Timeout:
        raise StoreError(
            f"another process has been writing the feature store at {folder} for {SECONDS_TO_WAIT} s; wait for it, or stop it"
        ) from None
    with lock:
        before = read_catalog(folder) if (folder / CATALOG).exists() else Catalog()
        sweep(before, folder)
        yield before


def commit(before: Catalog, after: Catalog, folder: Path, now: dt.datetime, memory_limit: str | None = None) -> Catalog:
    """Write the online file, then the catalog that names it: from then on the write is done."""
    number = before.number + 1
    names = write_online(before, after, folder, number, now, memory_limit)
    online = {name: digest(folder / name) for name in names}
    committed = replace(after, number=number, online=online, as_of=now)
    write_catalog(committed, folder)
    return committed


def noted(path: Path) -> Part:
    """What the catalog notes of a file just written."""
    return Part(rows=pq.read_metadata(path).num_rows, digest=digest(path))
