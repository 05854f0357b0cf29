"""DuckDB as the feature store uses it: times in UTC, names in quotes, no more memory than it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

TYPES = {"float": "DOUBLE", "int": "BIGINT", "str": "VARCHAR", "bool": "BOOLEAN"}
WHOLE_NUMBERS = {sign + name for sign in ("", "U") for name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")}


@contextmanager
def connection(memory_limit: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of one's own; what does not fit into its memory goes to a temporary folder.

    A time without a zone is UTC: with local time a day would have 23 hours in spring.
    """
    with TemporaryDirectory() as spilled, duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        duck.execute("SET asof_loop_join_threshold = 0")  # a wrong estimate would plan a nested loop, seven times slower
        duck.execute("SET temp_directory = $folder", {"folder": spilled})
        if memory_limit is not None:
            duck.execute("SET memory_limit = $limit", {"limit": memory_limit})
        yield duck


def listed(names: Iterable[str], of: str = "") -> str:
    """Columns as SQL writes them, of a table if one is named."""
    return ", ".join(f'{of}."{name}"' if of else f'"{name}"' for name in names)


def read(duck: duckdb.DuckDBPyConnection, name: str, files: Iterable[Path]) -> None:
    """Let a connection see the rows of Parquet files as a table."""
    duck.read_parquet([str(file) for file in files]).create_view(name, replace=True)


def kind(type_: str) -> str:
    """What a DuckDB type is called among feature types; a type that is none of them keeps its name."""
    if type_ in WHOLE_NUMBERS:
        return "int"
    if type_ in ("FLOAT", "DOUBLE") or type_.startswith("DECIMAL"):
        return "float"
    if type_ == "VARCHAR" or type_.startswith("ENUM"):
        return "str"
    return "bool" if type_ == "BOOLEAN" else type_
