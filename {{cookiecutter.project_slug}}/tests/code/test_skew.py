"""Skew between training and serving: whichever way a row comes to the model, it is answered alike, or not at all."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from {{ cookiecutter.package_name }} import bundle, registry
from {{ cookiecutter.package_name }}.card import CARD, read_card
from {{ cookiecutter.package_name }}.data.schema import conform, to_json_rows
from {{ cookiecutter.package_name }}.data.sources import read_files
from {{ cookiecutter.package_name }}.digests import digest
from {{ cookiecutter.package_name }}.encoders import row as one_row
from {{ cookiecutter.package_name }}.encoders.fusion import encoder, fit_transform
from {{ cookiecutter.package_name }}.encoders.volume import Volume
from {{ cookiecutter.package_name }}.model.persistence import BundleError, file_of, save
from {{ cookiecutter.package_name }}.model.single import estimator
from {{ cookiecutter.package_name }}.proof import parts
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

SIDES = {"training": "train", "test": "test"}
NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def test_a_request_is_answered_as_a_frame(rows: pd.DataFrame, predictor: Predictor) -> None:
    """A row by itself takes another way through the code, and comes to the same answer; so does one that lacks everything."""
    card = predictor.bundle.card
    sent = to_json_rows(rows[[card.data.entity, *(name for name in card.columns.names if name in rows)]], card.columns.image)
    sent += [{card.data.entity: sent[0][card.data.entity]}, {**sent[0], **dict.fromkeys(card.columns.categories, "toaster")}]
    together = predictor.answer_rows(sent, NOW)

    for row, expected in zip(sent, together, strict=True):
        (alone,) = predictor.answer_rows([row], NOW)
        floats = [name for name, value in expected.items() if isinstance(value, float)]
        assert {name: expected[name] for name in expected if name not in floats} == {
            name: alone[name] for name in expected if name not in floats
        }
        np.testing.assert_allclose([alone[name] for name in floats], [expected[name] for name in floats], rtol=0, atol=1e-9)
    assert ", ".join(card.columns.categories) == (together[-1]["unseen"] or "")


def test_a_fresh_process_answers_alike(root: Path, rows: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    """One that has seen no training: it loads the bundle and scores the same rows."""
    package, answers = registry.__name__.split(".")[0], tmp_path / "answers.parquet"
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    command = [sys.executable, "-m", package, "score", str(tmp_path / "rows.parquet"), str(answers)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    expected = predictor.answer(rows, dt.datetime.now(dt.UTC))

    assert expected["prediction"].tolist() == read_files([answers])["prediction"].tolist()
    np.testing.assert_allclose(read_files([answers])["probability"], expected["probability"], rtol=0, atol=1e-9)


def test_a_refitted_scaler_is_refused(root: Path, settings: Settings, tmp_path: Path) -> None:
    """A transform that was fitted on other rows than the model's is found out by the golden rows, whoever signed it."""
    promoted = registry.current(root / registry.FOLDER)
    assert promoted is not None
    folder = Path(shutil.copytree(root / registry.FOLDER / promoted["version"], tmp_path / promoted["version"]))
    pipeline = bundle.load(folder, settings.model.saved_as).pipeline
    for scaler in [step for step in _parts(pipeline) if isinstance(step, StandardScaler | Volume)]:
        # So much that a small tree notices; one divides by its scale, the other multiplies: together they are louder still.
        scaler.scale_ = scaler.scale_ * (10 if isinstance(scaler, Volume) else 0.1)
    card = read_card(folder)
    file = file_of(folder, "pipeline", settings.model.saved_as)
    save(pipeline, file)
    signed = card.model_copy(update={"files": {**card.files, file.name: digest(file)}, "parts": parts(pipeline)})
    (folder / CARD).write_text(signed.model_dump_json(), encoding="utf-8")

    with pytest.raises(BundleError, match="answers golden row"):
        bundle.load(folder, settings.model.saved_as)


def test_a_short_cut_that_differs_is_refused(root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Golden rows are answered both ways: code that encodes a row by itself quite otherwise than in a frame loads no model."""
    monkeypatch.setattr(one_row, "_dense", lambda row: 1 - np.asarray(getattr(row, "dense", lambda: row)()))

    with pytest.raises(BundleError, match="golden row"):
        registry.load(root / registry.FOLDER, saved_as=settings.model.saved_as)


def test_statistics_are_those_of_the_training_rows(root: Path, settings: Settings, predictor: Predictor) -> None:
    """An encoder fitted on the training split alone encodes as the model's does; one that saw the test rows does not."""
    columns, target = settings.columns, settings.data.target
    train, test = (pd.read_parquet(root / "artifacts" / f"{side}_set" / f"{name}.parquet") for side, name in SIDES.items())
    asked = conform(train.head(20), columns.modalities())
    encoded = predictor.bundle.pipeline[0].transform(asked)
    model = estimator("linear", settings.data.task, settings)

    for rows, same in ((train, True), (pd.concat([train, test], ignore_index=True), False)):
        fitted = encoder(columns, settings.encoders.located(root), model)
        raw, groups = conform(rows, columns.modalities()), rows[settings.data.entity].to_numpy()
        fit_transform(fitted, raw, rows[target].to_numpy(), groups)
        again = fitted.transform(asked)
        assert same == (again.shape == encoded.shape and np.allclose(again, encoded, rtol=0, atol=1e-9))


def _parts(pipeline: object) -> list[object]:
    """Every fitted estimator in a pipeline, the first first."""
    inner = getattr(pipeline, "named_steps", None) or getattr(pipeline, "named_transformers_", {})
    return [pipeline, *(part for step in inner.values() for part in _parts(step))]
