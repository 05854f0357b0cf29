"""Fit: the encoder once, then every candidate on what it gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from threadpoolctl import threadpool_limits

from ..data.schema import categories, conform
from ..digests import digest
from ..encoders.fusion import encoder, fit_transform
from ..encoders.golden import golden_rows
from ..model.candidates import candidates, fitted
from ..model.persistence import file_of, save
from ..model.single import estimator
from ..reference import Reference
from ..settings import Settings
from .steps import network_files


def run(settings: Settings, out: Path, root: Path, training_set: Path) -> list[Path]:
    """Write the encoder, every candidate, `golden.parquet`, on which a loaded model proves itself, and the reference."""
    data, columns = settings.data, settings.columns
    rows = pd.read_parquet(training_set / "train.parquet")
    raw = conform(rows, columns.modalities())[list(columns.names)]
    encode, models = trained(settings, root, rows, candidates(settings))
    save(encode, file_of(out, "encoder", settings.model.saved_as))
    for name, model in models.items():
        save(model, file_of(out, name, settings.model.saved_as))
    (out / "candidates.json").write_text(json.dumps(list(models)), encoding="utf-8")
    golden_rows(raw, rows[data.entity], columns).to_parquet(out / "golden.parquet")
    times = rows[data.event_time] if data.event_time else None
    Reference.learned(raw.assign(**{data.entity: rows[data.entity]}), columns, data.entity, times).save(out)
    (out / "train.sha256").write_text(digest(training_set / "train.parquet"), encoding="utf-8")
    shutil.copyfile(training_set / "views.sha256", out / "views.sha256")
    return network_files(settings, root)


def trained(
    settings: Settings, root: Path, rows: pd.DataFrame, unfitted: Mapping[str, BaseEstimator]
) -> tuple[ColumnTransformer, dict[str, BaseEstimator]]:
    """The encoder and the candidates, trained on rows."""
    data, columns = settings.data, settings.columns
    raw = conform(rows, columns.modalities())[list(columns.names)]
    target, groups = rows[data.target].to_numpy(), rows[data.entity].to_numpy()
    few = max(2, min(settings.encoders.folds, len(set(groups))))
    own = settings.encoders.located(root).model_copy(update={"folds": few})
    encode = encoder(columns, own, estimator("linear", data.task, settings))
    segment = categories(rows[data.segment]).to_numpy() if data.segment else None
    times = rows[data.event_time].dt.tz_convert(None).to_numpy() if data.event_time else None
    with threadpool_limits(settings.model.threads):
        encoded = fit_transform(encode, raw, target, groups)
        models = {name: fitted(model, encoded, target, segment, groups, times) for name, model in unfitted.items()}
    return encode, models
