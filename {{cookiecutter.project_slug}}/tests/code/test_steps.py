"""What single steps promise: no leak between training and test, nothing from the future, the best model and no other."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.data.schema import categories, conform
from {{ cookiecutter.package_name }}.data.split import is_test
from {{ cookiecutter.package_name }}.feature_store.catalog import StoreError, read_catalog, write_catalog
from {{ cookiecutter.package_name }}.feature_store.store import FeatureStore
from {{ cookiecutter.package_name }}.feature_store.views import ViewError
from {{ cookiecutter.package_name }}.model.candidates import fitted
from {{ cookiecutter.package_name }}.model.persistence import file_of, load
from {{ cookiecutter.package_name }}.pipeline import fit, training_set
from {{ cookiecutter.package_name }}.pipeline.runner import StepError, run_step
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings


def test_the_split_is_by_the_column_that_is_named(root: Path, settings: Settings) -> None:
    """The test rows are those whose value the hash sends there; no value is on both sides."""
    rows = pd.read_parquet(root / "artifacts" / "validate" / f"{settings.data.rows}.parquet")
    side = is_test(categories(rows[settings.split.by]), settings.split.test_share)
    test = pd.read_parquet(root / "artifacts" / "test_set" / "test.parquet")

    assert test[settings.data.target].tolist() == rows.loc[side, settings.data.target].tolist()


def test_training_rows_hold_what_was_known_then(root: Path, settings: Settings) -> None:
    """The features of every training row are those of its own time, not today's."""
    train = pd.read_parquet(root / "artifacts" / "training_set" / "train.parquet")
    store = FeatureStore(root / "artifacts" / "materialize")
    names = _read_from(store, settings)

    then = store.get_historical_features(train, names, settings.data.event_time)

    forms = {name: modality for name, modality in settings.columns.modalities().items() if name in names}
    _assert_same(conform(train[names], forms), conform(then[names], forms))


def test_pii_is_refused_unless_allowed(root: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training reads a feature that tells who somebody is only if settings name it."""
    home = root / "artifacts"
    named = _read_from(FeatureStore(home / "materialize"), settings)
    views = FeatureStore(home / "materialize").views
    private = tuple(replace(view, features=tuple(replace(one, pii=True) for one in view.features)) for view in views)
    monkeypatch.setattr(FeatureStore, "views", private)

    def run(allowed: tuple[str, ...]) -> None:
        own = settings.model_copy(update={"features": settings.features.model_copy(update={"allow_pii": allowed})})
        training_set.run(own, tmp_path, home / "validate", home / "materialize")

    if named:
        with pytest.raises(ViewError, match="is pii"):
            run(())
    run(tuple(named))


def test_fit_tells_whose_row_it_is(root: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every candidate is given the entity as group, so that nobody is routed by a router that has seen them."""
    train = pd.read_parquet(root / "artifacts" / "training_set" / "train.parquet")
    told: list[list[object]] = []

    def listens(model: Any, Z: Any, y: Any, segment: Any, groups: Any, times: Any) -> Any:
        told.append(list(groups))
        assert (settings.data.event_time is None) == (times is None)
        return fitted(model, Z, y, segment, groups, times)

    monkeypatch.setattr(fit, "fitted", listens)
    fit.run(settings, tmp_path, root, root / "artifacts" / "training_set")

    assert told
    assert all(groups == train[settings.data.entity].tolist() for groups in told)


def test_every_candidate_answers_a_row_as_in_a_batch(root: Path, settings: Settings) -> None:
    """Trees too, which may cut where two roads to one number differ in the sixteenth digit."""
    home = root / "artifacts" / "fit"
    rows = pd.read_parquet(root / "artifacts" / "test_set" / "test.parquet").head(150)
    raw = conform(rows, settings.columns.modalities())[list(settings.columns.names)]
    encode = load(file_of(home, "encoder", settings.model.saved_as))
    together = encode.transform(raw)
    alone = np.vstack([encode.transform(raw.iloc[[place]]) for place in range(len(raw))])

    for name in json.loads((home / "candidates.json").read_text(encoding="utf-8")):
        model = load(file_of(home, name, settings.model.saved_as))
        answer = model.predict if settings.data.task == "regression" else model.predict_proba
        np.testing.assert_allclose(answer(together), answer(alone), rtol=1e-12, atol=1e-12)


def test_another_projects_store_is_read_and_not_written(root: Path, settings: Settings, tmp_path: Path) -> None:
    """Its features make the same training set, without a line of feature code here."""
    theirs = root / "feature_store"
    before = {path: path.stat().st_mtime_ns for path in theirs.rglob("*")}
    reading = settings.model_copy(update={"features": settings.features.model_copy(update={"store": str(theirs)})})
    shutil.copytree(root / "artifacts" / "ingest", tmp_path / "artifacts" / "ingest")
    for name in ("validate", "materialize", "training_set", "test_set"):
        run_step(next(step for step in STEPS if step.name == name), reading, tmp_path)

    for name in ("training_set/train.parquet", "test_set/test.parquet"):
        ours, their = (pd.read_parquet(folder / "artifacts" / name) for folder in (tmp_path, root))
        pd.testing.assert_frame_equal(ours, their)
    assert before == {path: path.stat().st_mtime_ns for path in theirs.rglob("*")}


def test_features_made_otherwise_are_not_served(root: Path, predictor: Predictor, tmp_path: Path) -> None:
    """A store that was written by other views than the model's is refused, also while the server runs."""
    if not predictor.views:
        return
    shutil.copytree(root / "feature_store", tmp_path / "store")
    serving = replace(predictor, store=FeatureStore(tmp_path / "store"))
    serving.answer_json(list(predictor.bundle.card.golden_rows), dt.datetime.now(dt.UTC))
    catalog = read_catalog(tmp_path / "store")
    logs = {name: replace(log, view=replace(log.view, description="Other")) for name, log in catalog.logs.items()}
    write_catalog(replace(catalog, logs=logs), tmp_path / "store")

    with pytest.raises(StoreError, match="was made by other views than model"):
        serving.answer_json(list(predictor.bundle.card.golden_rows), dt.datetime.now(dt.UTC))


def test_an_altered_file_of_the_store_is_refused(root: Path, settings: Settings, tmp_path: Path) -> None:
    """Nothing is trained on it."""
    shutil.copytree(root, tmp_path / "project", symlinks=True)
    for path in (tmp_path / "project" / "feature_store").rglob("*.parquet"):
        path.write_bytes(path.read_bytes() + b"!")

        with pytest.raises(StepError, match="is not what was written; restore it"):
            run_step(next(step for step in STEPS if step.name == "materialize"), settings, tmp_path / "project", force=True)


def test_the_online_store_is_asked(root: Path, settings: Settings, predictor: Predictor) -> None:
    """A row with its keys alone gets the features that the offline store knows today."""
    entity, now = settings.data.entity, dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    store = FeatureStore(root / "artifacts" / "materialize")
    names = _read_from(store, settings)
    keys = list(dict.fromkeys([entity, *(key for view in store.views for key in view.keys)]))
    test = pd.read_parquet(root / "artifacts" / "test_set" / "test.parquet")
    rows = test[keys].drop_duplicates().head(200).reset_index(drop=True)

    today = store.get_historical_features(rows.assign(at=pd.Timestamp(now)), names, "at")
    online = predictor._with_features(rows, now)

    forms = {name: modality for name, modality in settings.columns.modalities().items() if name in names}
    _assert_same(conform(online[names], forms), conform(today[names], forms))


def _read_from(store: FeatureStore, settings: Settings) -> list[str]:
    """The features that the model reads."""
    return [name for view in store.views for name in view.names if name in settings.columns.names]


def _assert_same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Equal values, of whatever type; a project without features compares frames without columns."""
    pd.testing.assert_frame_equal(left, right, check_dtype=False, check_column_type=False)
