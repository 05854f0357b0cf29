"""Materialize: the feature store gets what the raw tables have that is new, offline for training and online for serving."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from ..feature_store.catalog import CATALOG, read_catalog, snapshot
from ..feature_store.materialization import materialize_incremental
from ..features import VIEWS
from ..settings import Settings


def run(settings: Settings, out: Path, root: Path, validate: Path) -> dict[Path, str]:
    """Write into the store, unless it is another project's, and a snapshot of its offline rows; tell what was read there."""
    store = settings.features.folder(root)
    if settings.features.is_ours(root):
        tables = {path.stem: path for path in sorted(validate.glob("*.parquet"))}
        now = dt.datetime.now(dt.UTC)
        materialize_incremental(store, VIEWS, tables, now, memory_limit=settings.features.memory_limit)
    read = {store / CATALOG: snapshot(store, out)}
    return read | {store / name: held for name, held in read_catalog(store).online.items()}
