"""Training set: what the models learn from. The rows that they are tested on are another step's."""

from __future__ import annotations

from pathlib import Path

from ..feature_store.views import views_digest
from ..settings import Settings
from .examples import examples


def run(settings: Settings, out: Path, validate: Path, materialize: Path) -> None:
    """Write `train.parquet`, and the digest of the views that its features come from."""
    rows, views = examples(settings, validate, materialize, "train")
    rows.to_parquet(out / "train.parquet", index=False)
    (out / "views.sha256").write_text(views_digest(views), encoding="utf-8")
