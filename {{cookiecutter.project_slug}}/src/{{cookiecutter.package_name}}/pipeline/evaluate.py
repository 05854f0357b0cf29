"""Evaluate: every candidate on the test rows, which no other step reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..data.schema import categories, conform
from ..metrics import scores
from ..model.persistence import file_of, load
from ..settings import Settings


def run(settings: Settings, out: Path, training_set: Path, fit: Path) -> None:
    """Write `metrics.json`: scores of every candidate, over all rows and by segment, the simplest candidate first."""
    data, columns = settings.data, settings.columns
    rows = pd.read_parquet(training_set / "test.parquet")
    saved_as = settings.model.saved_as
    encoded = load(file_of(fit, "encoder", saved_as)).transform(conform(rows, columns.modalities())[list(columns.names)])
    target = rows[data.target].to_numpy()
    parts = {"all": np.ones(len(rows), dtype=bool)}
    if data.segment:
        segments = categories(rows[data.segment])
        parts |= {f"{data.segment} = {name}": (segments == name).to_numpy() for name in sorted(segments.dropna().unique())}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in json.loads((fit / "candidates.json").read_text(encoding="utf-8")):
        model = load(file_of(fit, name, saved_as))
        # The segment is the model's to find out, as it will be for most new rows.
        predicted = model.predict(encoded)
        probabilities = model.predict_proba(encoded) if data.task == "classification" else None
        classes = model.classes_ if data.task == "classification" else None
        found[name] = {
            part: scores(data.task, target[held], predicted[held], _rows(probabilities, held), classes)
            for part, held in parts.items()
        }
    counts = {part: int(held.sum()) for part, held in parts.items()}
    (out / "metrics.json").write_text(json.dumps({"rows": counts, "scores": found}, indent=1), encoding="utf-8")


def _rows(probabilities: Any, held: np.ndarray) -> Any:
    return None if probabilities is None else probabilities[held]
