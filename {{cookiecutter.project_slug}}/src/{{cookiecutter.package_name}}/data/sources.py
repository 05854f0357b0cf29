"""Raw tables: from files, from a query, or from the demo generator.

Which files stand behind a table is told without reading them, so that asking whether anything changed costs no library.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from ..refusal import Refusal
from ..sections import Columns, Table
from ..settings import Settings

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

FORMATS = {".csv": "read_csv($paths, union_by_name = true)", ".parquet": "read_parquet($paths, union_by_name = true)"}


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


def read_files(paths: list[Path], as_text: Collection[str] = ()) -> pd.DataFrame:
    """The rows of CSV files or of Parquet files, one after another; times are in UTC.

    Args:
        paths: of the files, all of one format.
        as_text: columns that a CSV file shall not be guessed to hold numbers, times or truth values in: "yes" stays "yes".
    """
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source, given = FORMATS[paths[0].suffix], {"paths": [str(path) for path in paths]}
        try:
            if paths[0].suffix == ".csv":
                found = connection.sql(f"FROM {source}", params=given).columns
                kept = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in found if name in as_text)
                source = source.replace(")", f", types = {chr(123)}{kept}{chr(125)})") if kept else source
            rows = to_pandas(connection.sql(f"FROM {source}", params=given))
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise SourceError(f"{paths[0]} cannot be read: {reason}; mend the file or its extension") from None
    return rows


def read(name: str, table: Table, root: Path, columns: Columns, seed: int, as_text: Collection[str] = ()) -> pd.DataFrame:
    """The rows of one raw table; `as_text` as in `read_files`.

    Raises:
        SourceError: a file or the database is absent or unreadable, the query fails, or there is no row.
    """
    if table.demo is not None:
        from . import demo

        return demo.table(name, table.demo, seed, columns)
    paths = files(name, table, root)
    rows = read_files(paths, as_text) if table.query is None else _query(name, paths[0], table.query)
    if rows.empty:
        raise SourceError(f"settings.toml: tables.{name} has no row; check its path or query")
    return rows


def to_pandas(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """A relation's rows; whole numbers beside a null stay whole, where floats would run large ones together."""
    import pandas as pd
    import pyarrow as pa

    rows: pd.DataFrame = relation.to_arrow_table().to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return rows


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _query(name: str, database: Path, query: str) -> pd.DataFrame:
    """What a query gives, asked of a DuckDB file that is opened to read."""
    import duckdb

    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows = to_pandas(connection.sql(query))
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"settings.toml: tables.{name}: the query fails: {reason}; mend it") from None
    return rows
