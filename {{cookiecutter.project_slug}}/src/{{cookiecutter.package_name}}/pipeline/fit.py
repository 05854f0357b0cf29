"""Fit: the encoder once, then every candidate on what it gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from ..data.schema import categories, conform
from ..encoders.fusion import encoder
from ..model.candidates import candidates, fitted
from ..model.persistence import ENCODER, save
from ..settings import Settings

GOLDEN_ROWS = 7


def run(settings: Settings, out: Path, training_set: Path) -> None:
    """Write the encoder, every candidate, and `golden.parquet`: rows on which a loaded model proves itself."""
    data, columns = settings.data, settings.columns
    rows = pd.read_parquet(training_set / "train.parquet")
    raw = conform(rows, columns.modalities())[list(columns.names)]
    encode = encoder(columns, settings.encoders)
    encoded = encode.fit_transform(raw)
    save(encode, out / ENCODER)
    target = rows[data.target].to_numpy()
    segment = categories(rows[data.segment]).to_numpy() if data.segment else None
    unfitted = candidates(settings)
    with threadpool_limits(settings.model.threads):
        for name, candidate in unfitted.items():
            save(fitted(candidate, encoded, target, segment, rows[data.entity].to_numpy()), out / f"{name}.skops")
    (out / "candidates.json").write_text(json.dumps(list(unfitted)), encoding="utf-8")
    golden = raw.assign(**{data.entity: rows[data.entity]}).head(GOLDEN_ROWS)
    known = pd.Series(range(len(golden)), index=golden.index) < len(golden) - 1  # of the last one nothing but its key
    golden = golden.assign(**{name: golden[name].where(known) for name in columns.names})
    golden.to_parquet(out / "golden.parquet", index=False)
    shutil.copyfile(training_set / "views.sha256", out / "views.sha256")
