"""Test set: rows held out for the evaluation, which alone is given this folder."""

from __future__ import annotations

from pathlib import Path

from ..settings import Settings
from .examples import examples


def run(settings: Settings, out: Path, validate: Path, materialize: Path) -> None:
    """Write `test.parquet`."""
    rows, _ = examples(settings, validate, materialize, "test")
    rows.to_parquet(out / "test.parquet", index=False)
