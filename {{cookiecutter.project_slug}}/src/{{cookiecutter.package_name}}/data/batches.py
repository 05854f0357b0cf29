"""Rows a batch at a time: what is read and written so needs the same memory for any number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pandas as pd

ROWS = 1000  # of a batch: with pictures of 20 kB, 20 MB
BYTES = 2**22  # of a row group before compression: with four times as many, writing took 60 MB more and was no quicker


def write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> int:
    """Write batches as one Parquet file of many row groups, and tell how many rows they had."""
    rows = 0
    # Microseconds are what DuckDB's intervals and pandas 3 know; pandas 2 would write nanoseconds.
    with pq.ParquetWriter(path, schema, coerce_timestamps="us", allow_truncated_timestamps=True) as writer:
        for group in _groups(batches):
            writer.write_table(pa.Table.from_batches(group, schema))
            rows += sum(batch.num_rows for batch in group)
    return rows


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group, size = [], 0
    for batch in batches:
        group.append(batch)
        size += batch.nbytes
        if size >= BYTES:
            yield group
            group, size = [], 0
    yield group


def as_frame(table: pa.Table) -> pd.DataFrame:
    """The rows as a frame, whose types do not depend on whether a null is among them: a whole number beside one stays whole."""
    import pandas as pd

    names = [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)]
    types = {pa.bool_(): pd.api.types.pandas_dtype("boolean")}
    types |= {pa.type_for_alias(name.lower()): pd.api.types.pandas_dtype(name) for name in names}
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get)
    return frame


def with_types_of_frame(schema: pa.Schema) -> pa.Schema:
    """The schema, with the note from which pandas reads a file as `as_frame` would give its rows, unless it has one."""
    if schema.metadata:
        return schema
    noted = pa.Schema.from_pandas(as_frame(schema.empty_table()), preserve_index=False)
    return schema.with_metadata(noted.metadata)
