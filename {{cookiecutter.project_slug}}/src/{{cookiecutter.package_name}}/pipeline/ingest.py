"""Ingest: raw tables from their sources, unchanged but for pictures, whose paths become bytes.

A batch of rows is read and written at a time, so a table may be larger than the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pandas as pd
import pyarrow as pa

from ..data.batches import with_types_of_frame, write
from ..data.schema import with_bytes
from ..data.sources import SourceError, batches, files
from ..settings import Settings


def run(settings: Settings, out: Path, root: Path) -> list[Path]:
    """Write `<table>.parquet` for every raw table, and tell which files outside were read."""
    sources: list[Path] = []
    data, columns = settings.data, settings.columns
    as_text = {*columns.categories, *columns.text, data.segment or ""}
    as_text |= {data.target} if data.task == "classification" else set()
    for name, table in settings.tables.items():
        paths = files(name, table, root)
        sources += paths  # and the pictures, as they are read
        rows = _with_bytes(batches(name, table, paths, columns, settings.seed, as_text), columns.image, root, sources)
        first = next(rows)
        if not write(chain([first], rows), with_types_of_frame(first.schema), out / f"{name}.parquet"):
            raise SourceError(f"settings.toml: tables.{name} has no row; check its path or query")
    return sources


def _with_bytes(
    rows: Iterator[pa.RecordBatch], images: tuple[str, ...], root: Path, read: list[Path]
) -> Iterator[pa.RecordBatch]:
    """The batches with what the files hold that image columns name; the files are added to those `read`."""
    start = 0
    for batch in rows:
        numbered = pd.RangeIndex(start, start + batch.num_rows)
        start += batch.num_rows
        for name in images:
            place = batch.schema.get_field_index(name)
            if place >= 0 and pa.types.is_string(batch.schema.types[place]):
                frame, found = with_bytes(pd.DataFrame({name: batch[name].to_pandas().set_axis(numbered)}), (name,), root)
                batch = batch.set_column(place, name, pa.array(frame[name], pa.binary(), from_pandas=True))
                read += found
        yield batch
