"""Answers: the same for a row alone as for the row among others."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from {{ cookiecutter.package_name }}.model.answers import answers
from {{ cookiecutter.package_name }}.serving.predictor import Predictor


def test_row_equals_batch(predictor: Predictor, rows: pd.DataFrame) -> None:
    """One row at a time, the promoted model says what it says of all together."""
    now = dt.datetime(2026, 2, 2, tzinfo=dt.UTC)
    batch = predictor.answer(rows, now)
    alone = pd.concat([predictor.answer(rows.iloc[[place]], now) for place in range(len(rows))])

    assert batch["prediction"].tolist() == alone["prediction"].tolist()
    for name in ("probability", "route_probability"):
        np.testing.assert_allclose(batch[name].astype(float), alone[name].astype(float), rtol=0, atol=1e-12)


def test_a_model_without_routes_names_none() -> None:
    """The columns are the same for every model; what it does not know is None."""
    frame = pd.DataFrame({"x": [1.0, 2.0, 8.0, 9.0]}, index=[10, 11, 12, 13])
    pipeline = Pipeline([("encode", StandardScaler()), ("model", LogisticRegression())]).fit(frame, ["a", "a", "b", "b"])
    said = answers(pipeline, frame, ["s"] * 4)

    assert frame.index.equals(said.index)
    assert said["prediction"].tolist() == ["a", "a", "b", "b"]
    assert said["probability"].between(0.5, 1).all()
    assert said[["route", "route_probability", "route_source"]].isna().all(axis=None)
