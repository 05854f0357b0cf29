"""Ingest: raw tables from their sources, unchanged but for pictures, whose paths become bytes."""

from __future__ import annotations

from pathlib import Path

from ..data.schema import with_bytes
from ..data.sources import files, read
from ..settings import Settings


def run(settings: Settings, out: Path, root: Path) -> list[Path]:
    """Write `<table>.parquet` for every raw table, and tell which files outside were read."""
    sources: list[Path] = []
    data, columns = settings.data, settings.columns
    as_text = {*columns.categories, *columns.text, data.segment or ""}
    as_text |= {data.target} if data.task == "classification" else set()
    for name, table in settings.tables.items():
        paths = files(name, table, root)
        frame, pictures = with_bytes(read(name, table, root, columns, settings.seed, as_text), columns.image, root)
        # Microseconds are what DuckDB's intervals and pandas 3 know; pandas 2 would write nanoseconds.
        frame.to_parquet(out / f"{name}.parquet", index=False, coerce_timestamps="us", allow_truncated_timestamps=True)
        sources += paths + pictures
    return sources
