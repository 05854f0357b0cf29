"""Materialize: every feature view, offline for training and online for serving."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from ..feature_store.offline import materialize
from ..feature_store.online import materialize_online
from ..features import VIEWS
from ..settings import Settings


def run(settings: Settings, out: Path, validate: Path) -> None:
    """Write `<view>.parquet` for every view, and `online.sqlite`."""
    tables = {path.stem: path for path in sorted(validate.glob("*.parquet"))}
    materialize(VIEWS, tables, out)
    materialize_online(VIEWS, out, out / "online.sqlite", as_of=dt.datetime.now(dt.UTC))
