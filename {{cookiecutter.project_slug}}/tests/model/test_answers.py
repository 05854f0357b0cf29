"""Answers: the same words from every model."""

from __future__ import annotations

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from {{ cookiecutter.package_name }}.encoders.fusion import encoder
from {{ cookiecutter.package_name }}.model.answers import Answerer
from {{ cookiecutter.package_name }}.sections import Columns, Encoders


def test_a_model_without_routes_names_none() -> None:
    """The columns are the same for every model; what it does not know is None."""
    frame = pd.DataFrame({"x": [1.0, 2.0, 8.0, 9.0]}, index=[10, 11, 12, 13])
    encode = encoder(Columns(numbers=("x",)), Encoders())
    pipeline = Pipeline([("encode", encode), ("model", LogisticRegression())]).fit(frame, ["a", "a", "b", "b"])
    said = Answerer(pipeline).answers(frame, ["s"] * 4)

    assert frame.index.equals(said.index)
    assert said["prediction"].tolist() == ["a", "a", "b", "b"]
    assert said["probability"].between(0.5, 1).all()
    assert said[["route", "route_probability", "route_source"]].isna().all(axis=None)
