"""The candidates: the simple ones are always there, and a linear world is won by a linear model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from {{ cookiecutter.package_name }}.digests import fingerprint
from {{ cookiecutter.package_name }}.metrics import scores
from {{ cookiecutter.package_name }}.model import persistence
from {{ cookiecutter.package_name }}.model.baseline import OneRule
from {{ cookiecutter.package_name }}.model.candidates import UnknownModel, candidates, fitted
from {{ cookiecutter.package_name }}.settings import Settings


def with_model(settings: Settings, task: str = "classification", **changes: str) -> Settings:
    """The settings with another task or model."""
    data = settings.data.model_copy(update={"task": task})
    return settings.model_copy(update={"data": data, "model": settings.model.model_copy(update=changes)})


def world(task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """300 rows of four columns, of which the sum of two tells the answer; a segment that means nothing."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(300, 4))
    signal = Z[:, 0] + Z[:, 1] + rng.normal(size=300) / 2
    y = signal if task == "regression" else np.where(signal > 0, "yes", "no")
    return Z, y, np.where(rng.random(300) < 0.5, "a", "b").astype(object)


def test_baselines_come_first(settings: Settings) -> None:
    """Of two models that are equal the simpler one is promoted, so they stand in that order."""
    names = list(candidates(with_model(settings, estimator="gradient_boosting")))

    assert names[:4] == ["dummy", "rule", "linear", "single"]
    assert "linear" not in candidates(with_model(settings, estimator="linear"))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_linear_world_is_won_by_the_linear_model(settings: Settings, task: str) -> None:
    """Neither trees nor segments help where the answer is a weighted sum."""
    Z, y, segment = world(task)
    found = {}
    for name, model in candidates(with_model(settings, task, estimator="gradient_boosting")).items():
        model = fitted(model, Z[:200], y[:200], segment[:200], np.arange(200))
        probabilities = model.predict_proba(Z[200:]) if task == "classification" else None
        classes = model.classes_ if task == "classification" else None
        measured = scores(task, y[200:], model.predict(Z[200:]), probabilities, classes)
        found[name] = measured["log_loss" if task == "classification" else "rmse"]

    assert min(found, key=lambda name: found[name]) == "linear"
    assert found["rule"] < found["dummy"]


def test_equal_rows_make_equal_models(settings: Settings) -> None:
    """Every candidate, fitted twice, holds the same numbers to the last digit: whatever it draws is drawn by the seed."""
    Z, y, segment = world("classification")
    one, other = (
        {
            name: fingerprint(fitted(model, Z, y, segment, np.arange(300)))
            for name, model in candidates(with_model(settings, estimator="gradient_boosting")).items()
        }
        for _ in range(2)
    )

    assert one == other


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("estimator", ["linear", "gradient_boosting"])
def test_loaded_model_answers_as_the_saved_one(settings: Settings, tmp_path: Path, task: str, estimator: str) -> None:
    """Every candidate survives the file, and needs no type beyond those that are listed."""
    Z, y, segment = world(task)
    for name, model in candidates(with_model(settings, task, estimator=estimator)).items():
        model = fitted(model, Z, y, segment, np.arange(len(y)))
        persistence.save(model, tmp_path / name)

        np.testing.assert_array_equal(model.predict(Z), persistence.load(tmp_path / name).predict(Z))


def test_unknown_kind_is_refused(settings: Settings) -> None:
    """The message lists the kinds."""
    with pytest.raises(UnknownModel, match=r"model.kind is 'oracle', expected one of single, cascade; change it"):
        candidates(with_model(settings, kind="oracle"))


def test_one_rule_reads_the_column_that_tells_most() -> None:
    """Of noise and a telling column it takes the second, and no class is ever impossible."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(200, 3))
    rule = OneRule().fit(Z, np.where(Z[:, 1] > 0, "yes", "no"))

    assert rule.column_ == 1
    assert rule.predict(np.asarray([[0, -2, 0], [0, 2, 0]])).tolist() == ["no", "yes"]
    assert rule.predict_proba(Z).min() > 0
