"""Raw tables: from files, from a query, from what was landed, or from the demo generator.

Which files stand behind a table is told without reading them, so that asking whether anything changed costs no library.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..digests import digest_of
from ..refusal import Refusal
from ..sections import Columns
from ..settings import Settings
from ..tables import Table

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

LANDED = Path("data", "landed")
# One thread with buffers of 4 MB took 242 MB for 400,000 rows of CSV and 245 for 4,000,000; two with DuckDB's own of 32 MB
# took 268 and 424, and half as long again.
FORMATS = {
    ".csv": "read_csv($paths, union_by_name = true, buffer_size = 4000000)",
    ".parquet": "read_parquet($paths, union_by_name = true)",
}
HEAD = 2**20  # bytes of a CSV, from which the number of its rows is guessed


class SourceError(Refusal):
    """A raw table that cannot be read."""


def raw_files(settings: Settings, root: Path) -> list[Path]:
    """The files behind all raw tables."""
    return [path for name, table in settings.tables.items() for path in files(name, table, root)]


def files(name: str, table: Table, root: Path) -> list[Path]:
    """The files behind a table, sorted; none for demo data.

    Raises:
        SourceError: a file is absent, or neither CSV nor Parquet.
    """
    if table.url is not None:
        found = landed(name, table, root)
        if not found:
            raise SourceError(f"settings.toml: tables.{name}: nothing was landed from its url yet; type `pull`")
        return found
    if table.database is not None:
        found = [root / table.database]
    elif table.path is not None:
        found = _matches(root, table.path)
    else:
        return []
    if not found or not all(path.is_file() for path in found):
        place = table.database or table.path
        raise SourceError(f"settings.toml: tables.{name}: no file at {place!r}; put it there or mend the path")
    formats = {path.suffix for path in found}
    if table.path is not None and (len(formats) > 1 or not formats <= FORMATS.keys()):
        listed = " and ".join(sorted(formats))
        raise SourceError(
            f"settings.toml: tables.{name}: {table.path!r} holds {listed} files; give all as .csv or all as .parquet"
        )
    return sorted(found)


def _matches(root: Path, pattern: str) -> list[Path]:
    """What a path, a folder's path or a glob stands for."""
    whole = root / pattern
    if whole.is_dir():
        return [path for path in whole.iterdir() if path.suffix in FORMATS]
    if whole.exists() or not any(sign in pattern for sign in "*?["):
        return [whole]
    base = Path(whole.anchor)
    return list(base.glob(str(whole.relative_to(base))))


def landed(name: str, table: Table, root: Path) -> list[Path]:
    """The files that pulls have landed for a table, the oldest first; another query, url or watermark has others."""
    return sorted((root / LANDED / name).glob(f"{landed_as(table)}-*.parquet"))


def landed_as(table: Table) -> str:
    """What the names of a table's landed files begin with."""
    return digest_of([table.query, table.url, table.watermark])[:12]


def batches(
    name: str, table: Table, paths: list[Path], columns: Columns, seed: int, as_text: Collection[str] = ()
) -> Iterator[pa.RecordBatch]:
    """The rows of one raw table, a batch at a time; the first is there even if there are no rows, and tells the types.

    Args:
        name: of the table.
        table: where it comes from.
        paths: as `files` tells them.
        columns: for the demo, which draws what the model reads.
        seed: likewise.
        as_text: as in `read_files`.

    Raises:
        SourceError: a file or the database is unreadable, or the query fails.
    """
    import pyarrow as pa

    if table.demo is not None:
        from . import demo

        return iter(pa.Table.from_pandas(demo.table(name, table.demo, seed, columns), preserve_index=False).to_batches())
    return _of_files(paths, as_text) if table.database is None else _of_query(name, paths[0], table.query or "")


def read_files(paths: list[Path], as_text: Collection[str] = ()) -> pd.DataFrame:
    """The rows of CSV files or of Parquet files, one after another; times are in UTC.

    Args:
        paths: of the files, all of one format.
        as_text: columns that a CSV file shall not be guessed to hold numbers, times or truth values in: "yes" stays "yes".
    """
    import pyarrow as pa

    from .batches import as_frame

    return as_frame(pa.Table.from_batches(_of_files(paths, as_text)))


def frames(paths: list[Path], as_text: Collection[str] = ()) -> Iterator[pd.DataFrame]:
    """The same rows, at most `batches.ROWS` of them in a frame; every frame has the same types, and the first may be empty."""
    import pyarrow as pa

    from .batches import as_frame

    for batch in _of_files(paths, as_text):
        yield as_frame(pa.Table.from_batches([batch]))


def row_count(source: Path) -> int | None:
    """How many rows a file has, of a CSV about how many; None where even that cannot be told."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if source.suffix == ".parquet":
            return int(pq.read_metadata(source).num_rows)
        with source.open("rb") as file:
            head = file.read(HEAD)
        return max(0, round(source.stat().st_size * head.count(b"\n") / len(head)) - 1)  # the first line has the names
    except (OSError, pa.ArrowException, ZeroDivisionError):
        return None  # the reader says what is wrong with it


def _of_files(paths: list[Path], as_text: Collection[str]) -> Iterator[pa.RecordBatch]:
    import duckdb

    source, given = FORMATS[paths[0].suffix], {"paths": [str(path) for path in paths]}
    if paths[0].suffix == ".parquet" and len(paths) > 1:
        _check_bytes(paths)
    try:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
            if paths[0].suffix == ".csv":
                found = connection.sql(f"FROM {source}", params=given).columns
                kept = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in found if name in as_text)
                source = source.replace(")", f", types = {chr(123)}{kept}{chr(125)})") if kept else source
            yield from _batches(connection.sql(f"FROM {source}", params=given))
    except (duckdb.Error, OSError) as error:  # OSError: after the first batch, DuckDB's errors come by way of Arrow
        reason = str(error).splitlines()[0]
        raise SourceError(f"{paths[0]} cannot be read: {reason}; mend the file or its extension") from None


def _check_bytes(paths: list[Path]) -> None:
    """Refuse files of which some hold pictures and others their paths: read together, a path is taken for a picture."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    seen: dict[str, tuple[bool, Path]] = {}
    for path in paths:
        try:
            schema = pq.read_schema(path)
        except (pa.ArrowException, OSError):
            return  # DuckDB says what is wrong with it
        for field in schema:
            if not pa.types.is_null(field.type):
                kind = pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
                other, before = seen.setdefault(field.name, (kind, path))
                if kind != other:
                    one, two = (path, before) if kind else (before, path)
                    raise SourceError(f"column {field.name!r} holds bytes in {one} and not in {two}; give both bytes or paths")


def _of_query(name: str, database: Path, query: str) -> Iterator[pa.RecordBatch]:
    """What a query gives, asked of a DuckDB file that is opened to read."""
    import duckdb

    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield from _batches(connection.sql(query))
    except (duckdb.Error, OSError) as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"settings.toml: tables.{name}: the query fails: {reason}; mend it") from None


def _batches(relation: duckdb.DuckDBPyRelation) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    from .batches import ROWS

    reader = relation.to_arrow_reader(ROWS)
    yield pa.RecordBatch.from_pylist([], schema=reader.schema)
    yield from reader


def to_pandas(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """A relation's rows; whole numbers beside a null stay whole, where floats would run large ones together."""
    from .batches import as_frame

    return as_frame(relation.to_arrow_table())


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
