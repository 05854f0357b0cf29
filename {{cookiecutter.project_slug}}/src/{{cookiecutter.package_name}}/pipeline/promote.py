"""Promote: the best candidate becomes the model that answers, if it beats the dummy.

Whichever is best: where the single or the linear model wins, that one is promoted. Of two that are equal the simpler one is.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from sklearn.pipeline import Pipeline

from .. import bundle, registry
from ..card import Origin
from ..digests import digest_of
from ..metrics import metric
from ..model.persistence import file_of, load
from ..settings import Settings
from .freshness import PACKAGE, code, read_manifest


def run(settings: Settings, out: Path, root: Path, fit: Path, evaluate: Path) -> list[Path]:
    """Write `decision.json`, and the winner's bundle into the registry; tell its files, so that their loss is noticed."""
    gate = settings.gate
    scores = json.loads((evaluate / "metrics.json").read_text(encoding="utf-8"))["scores"]
    measure = metric(gate.metric, settings.data.task)
    sign = 1 if measure.greater_is_better else -1
    gains = {name: sign * (parts["all"][gate.metric] - scores["dummy"]["all"][gate.metric]) for name, parts in scores.items()}
    best = max(gains, key=lambda name: gains[name])  # the first of equals, and they stand simplest first
    models = root / registry.FOLDER
    better = gains[best] > gate.min_gain
    version = _publish(best, scores[best]["all"], models, fit, settings) if better else None
    decision = {"metric": gate.metric, "gains": gains, "best": best, "version": version}
    (out / "decision.json").write_text(json.dumps(decision, indent=1), encoding="utf-8")
    return sorted((models / version).iterdir()) if version else []


def _publish(name: str, scores: dict[str, float], models: Path, fit: Path, settings: Settings) -> str:
    """Save the candidate's bundle and make it the one that answers."""
    manifest = read_manifest(fit)
    limits = settings.model_dump(mode="json", include={"validation": {"columns"}})
    version = digest_of([name, manifest and manifest["key"], limits])[:12]
    saved_as = settings.model.saved_as
    encoder, model = (load(file_of(fit, part, saved_as)) for part in ("encoder", name))
    origin = Origin(
        version=version,
        candidate=name,
        data=settings.data,
        columns=settings.columns,
        limits=settings.validation.columns,
        scores=scores,
        views=(fit / "views.sha256").read_text(encoding="utf-8"),
        training_data=(fit / "train.sha256").read_text(encoding="utf-8"),
        code=digest_of(code(PACKAGE.rglob("*.py"))),
    )
    golden = pd.read_parquet(fit / "golden.parquet")
    bundle.save(models / version, origin, Pipeline([("encode", encoder), ("model", model)]), golden, saved_as)
    registry.promote(models, version)
    return version
