"""What a store holds, told by one file that is replaced as a whole: `catalog.json`.

A file that the catalog does not name was never finished, or is no longer wanted. So whoever reads sees the state before a write
or the state after it, offline and online together, even if the writer was killed.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ..digests import changed, digest
from ..refusal import Refusal
from .views import FeatureView, ViewError

CATALOG = "catalog.json"


class StoreError(Refusal):
    """A store that cannot be used so."""


@dataclass(frozen=True)
class Part:
    """A Parquet file of a log: how many rows it has, sorted by key, and its sha256."""

    rows: int
    digest: str


@dataclass(frozen=True)
class Log:
    """The rows of one view, in the order in which they were written.

    Args:
        view: its definition.
        parts: by the name of the file below the store's folder.
        key_types: "int" or "str", by key column.
        written: the last write number that was given; the next row gets the next.
    """

    view: FeatureView
    parts: Mapping[str, Part] = field(default_factory=dict)
    key_types: tuple[str, ...] = ()
    written: int = 0

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(part.rows for part in self.parts.values())

    def files(self, folder: Path) -> list[Path]:
        """The Parquet files of a store at this place."""
        return [folder / name for name in self.parts]


@dataclass(frozen=True)
class Deletion:
    """An entity that was deleted: what was known of it by then does not come back.

    Args:
        keys: its key columns.
        digest: sha256 of its key's values, joined by a unit separator; the values are not kept.
        at: what was known until then is gone: the deletion's time, or that of its last row if that was to come.
        rows: by view, how many went.
    """

    keys: tuple[str, ...]
    digest: str
    at: dt.datetime
    rows: Mapping[str, int]


@dataclass(frozen=True)
class Catalog:
    """What a store holds.

    Args:
        logs: view's name → its rows.
        number: of the write that made it; names the files of that write.
        online: the files of the online store, below the store's folder → their sha256; none in a snapshot.
        as_of: when it was written; what happened or was known later is not online.
        deletions: the log of deletions.
        format: of this file.
    """

    logs: Mapping[str, Log] = field(default_factory=dict)
    number: int = 0
    online: Mapping[str, str] = field(default_factory=dict)
    as_of: dt.datetime | None = None
    deletions: tuple[Deletion, ...] = ()
    format: Literal[1] = 1

    def offering(self, features: Sequence[str]) -> list[Log]:
        """The rows of the views that offer some features.

        Raises:
            ViewError: no view offers one of them.
        """
        offered = {name for log in self.logs.values() for name in log.view.names}
        for name in features:
            if name not in offered:
                raise ViewError(f"the feature store has no feature {name!r}; it has {', '.join(sorted(offered)) or 'none'}")
        return [log for log in self.logs.values() if set(log.view.names) & set(features)]

    def files(self) -> set[str]:
        """Every file that it names."""
        return {name for log in self.logs.values() for name in log.parts} | set(self.online)


_JSON = TypeAdapter(Catalog)


def read_catalog(folder: Path) -> Catalog:
    """The catalog of a store.

    Raises:
        StoreError: there is none, or it is of a version that this code does not know.
    """
    try:
        return _JSON.validate_json((folder / CATALOG).read_bytes())
    except FileNotFoundError:
        raise StoreError(f"there is no feature store at {folder}; make it with `make run`, or mend features.store") from None
    except ValidationError as error:
        reason = error.errors()[0]
        raise StoreError(
            f"{folder / CATALOG}: {'.'.join(map(str, reason['loc']))}: {reason['msg']}; it was altered, or another version of "
            "this code wrote it: update the project, or remove the folder, make it again by `make run` and repeat its deletions"
        ) from None


def write_catalog(catalog: Catalog, folder: Path) -> None:
    """Replace a store's catalog; the files that it names are on the disk before it is."""
    for name in catalog.files():
        _flush(folder / name)
    new = folder / f".{CATALOG}.new"
    new.write_bytes(_JSON.dump_json(catalog, indent=1))
    _flush(new)
    new.replace(folder / CATALOG)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _flush(folder)


def snapshot(folder: Path, out: Path) -> str:
    """Give a folder the offline rows that a store has now: links where the disk allows, so that they cost no room.

    Returns:
        The sha256 of the store's catalog, as it was read.

    Raises:
        StoreError: a file is not what was written.
    """
    for attempt in range(4):
        read = digest(folder / CATALOG) if (folder / CATALOG).exists() else ""
        try:
            _link(folder, out)
        except (FileNotFoundError, StoreError):
            if attempt == 3 or read == digest(folder / CATALOG):  # it was not rewritten meanwhile: the fault is its own
                raise
            continue
        if read == digest(folder / CATALOG):
            return read
    raise StoreError(f"the feature store at {folder} was rewritten again and again while it was read; try later")


def _link(folder: Path, out: Path) -> None:
    """Put a store's offline files into a folder, and a catalog of them."""
    catalog = Catalog(read_catalog(folder).logs)
    check_files(catalog, folder)
    shutil.rmtree(out / "offline", ignore_errors=True)
    for name in catalog.files():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            (out / name).hardlink_to(folder / name)
        except OSError:  # another disk, or one without links
            shutil.copyfile(folder / name, out / name)
    write_catalog(catalog, out)


def check_files(catalog: Catalog, folder: Path) -> None:
    """Refuse offline files that are not what was written.

    Raises:
        StoreError: one of them is not.
    """
    digests = {name: part.digest for log in catalog.logs.values() for name, part in log.parts.items()}
    for name in changed(digests, folder):
        raise StoreError(
            f"{folder / name} is not what was written; restore it, or compute all again by `features materialize --anew`"
        )


def sweep(catalog: Catalog, folder: Path) -> None:
    """Remove what the catalog does not name: it was never finished, or has been replaced."""
    for path in sorted(folder.glob("o*line/**/*"), reverse=True):
        if path.is_file() and path.relative_to(folder).as_posix() not in catalog.files():
            path.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
