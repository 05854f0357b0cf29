"""Landing: what a database's query gives is kept in Parquet files, from which the pipeline reads.

A pull leaves one more whole file, or nothing. Landed rows are a log: one that changed in the database, its watermark with it,
lands once more beside what it was; one that was deleted there stays. A type, once known, does not change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from filelock import FileLock

from ..tables import Table
from .batches import ROWS, write
from .column import array
from .database import connected
from .sources import LANDED, SourceError, landed, landed_as

if TYPE_CHECKING:
    from sqlalchemy import ColumnClause, Connection, Executable

HALF = ".half-"  # what the name of a pull's folder begins with; it is gone when the pull is done


def pull(name: str, table: Table, root: Path) -> int:
    """Land the rows of a table's query, with a watermark those that are new, and tell how many they are.

    Args:
        name: of the table.
        table: one with a url.
        root: the project's folder.

    Raises:
        SourceError: the database cannot be read, gives no row at all, or gives what cannot be landed.
    """
    folder = root / LANDED / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # a second pull waits; a killed one holds no lock
        for left in folder.glob(f"{HALF}*"):
            rmtree(left)
        held = landed(name, table, root)
        half = Path(mkdtemp(prefix=HALF, dir=folder))
        try:
            with connected(name, table.url or "") as connection:
                rows = _write(_batches(f"settings.toml: tables.{name}:", table, held, connection), half)
            if rows:
                number = len(held) + 1 if table.watermark else 1
                (half / "whole").replace(folder / f"{landed_as(table)}-{number:06}.parquet")
            elif not held or not table.watermark:
                raise SourceError(f"settings.toml: tables.{name} has no row; check its query")
        finally:
            rmtree(half)
        for path in {*folder.glob("*.parquet")} - {*landed(name, table, root)}:
            path.unlink()  # landed for another query, url or watermark
    return rows


def _write(batches: Iterable[pa.RecordBatch], half: Path) -> int:
    """Write the file `whole`; what came before a column's first value is written again, once the type is known."""
    parts: list[Path] = []
    rows = 0
    for schema, group in groupby(batches, key=lambda batch: batch.schema):
        parts.append(half / str(len(parts)))
        rows += write(group, schema, parts[-1])
    if len(parts) > 1:
        write((batch.cast(schema) for part in parts for batch in _read(part)), schema, half / "whole")
    elif parts:
        parts[0].rename(half / "whole")
    return rows


def _read(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(ROWS, columns=columns)


def _batches(place: str, table: Table, held: list[Path], connection: Connection) -> Iterator[pa.RecordBatch]:
    """What the query gives and the held files have not, in the types that they have."""
    mark = table.watermark or ""
    known = pa.unify_schemas([pq.read_schema(path) for path in held]) if held and mark else None
    last = max(pc.max(batch[mark]).as_py() for batch in _read(held[-1], [mark])) if known else None
    seen = _seen(held, known, mark, last) if known else Counter()
    result = connection.execution_options(yield_per=ROWS).execute(_query(table, last))
    if not result.returns_rows:
        raise SourceError(f"{place} the query gives no rows; write a SELECT")
    names = list(result.keys())
    if known and names != known.names:
        raise SourceError(
            f"{place} the query gave {', '.join(known.names)} and gives {', '.join(names)} now; name its columns in it, or "
            f"remove {held[0].parent} to land all rows anew"
        )
    if len({*names}) < len(names) or (mark and mark not in names):
        raise SourceError(
            f"{place} the query gives {', '.join(names)}; it has to give each name once, and the watermark if there is one"
        )
    types = known.types if known else [pa.null()] * len(names)
    for rows in result.partitions():
        values = zip(names, zip(*rows, strict=True), types, strict=True)
        batch = pa.record_batch([array(f"{place} column {name!r}", *column) for name, *column in values], names)
        types = batch.schema.types
        if mark:
            _check(f"{place} watermark {mark!r}", batch[mark], connection.dialect.name)
            batch = _new(batch, mark, last, seen)
        if batch.num_rows:
            yield batch


def _query(table: Table, last: Any) -> Executable:
    """The owner's query; of its rows those at the last watermark or above, or without one, which are refused, not lost."""
    from sqlalchemy import column, or_, select, text

    # A colon is a colon, and no parameter; a comment at the end ends with its line.
    written = text((table.query or "").rstrip().rstrip(";").replace(":", r"\:") + "\n")
    if table.watermark is None:
        return written
    mark: ColumnClause[Any] = column(table.watermark)
    rows = select(text("*")).select_from(written.columns(mark).subquery("pulled"))
    return rows if last is None else rows.where(or_(mark >= last, mark.is_(None)))


def _check(place: str, column: pa.Array, dialect: str) -> None:
    """Refuse a watermark that does not tell what is new: rounded numbers, or text where a database orders it in its own way.

    SQLite keeps times as text, and orders it letter by letter.
    """
    held = column.type
    is_time = pa.types.is_timestamp(held) or pa.types.is_date(held) or (pa.types.is_string(held) and dialect == "sqlite")
    if column.null_count or not (is_time or pa.types.is_int64(held)):
        found = "null in a row" if column.null_count else str(held)
        raise SourceError(f"{place} is {found}; take a column of times or of whole numbers that every row has")


def _new(batch: pa.RecordBatch, mark: str, last: Any, seen: Counter[bytes]) -> pa.RecordBatch:
    """The rows that were not landed; of two equal ones at the last watermark, one may have been."""
    keep = [True] * batch.num_rows
    for place, value in enumerate(batch[mark].to_pylist()):
        if value == last and seen[told := _digest(batch, place)]:
            seen[told] -= 1
            keep[place] = False
    return batch.filter(pa.array(keep))


def _seen(held: list[Path], schema: pa.Schema, mark: str, last: Any) -> Counter[bytes]:
    """How often each row at the last watermark was landed."""
    at_last = ds.field(mark) == pa.scalar(last, schema.field(mark).type)
    batches = ds.dataset([str(path) for path in held], schema=schema).to_batches(
        filter=at_last, batch_size=ROWS, batch_readahead=1, fragment_readahead=1
    )
    return Counter(_digest(batch, place) for batch in batches for place in range(batch.num_rows))


def _digest(batch: pa.RecordBatch, place: int) -> bytes:
    return sha256(repr(batch.slice(place, 1).to_pylist()).encode()).digest()
