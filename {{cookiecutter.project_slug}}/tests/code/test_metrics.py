"""Metrics: what good means, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from {{ cookiecutter.package_name }}.metrics import UnknownMetric, metric, scores


def test_classification_by_hand() -> None:
    """Two of three found; the rare class not at all."""
    probabilities = np.asarray([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5]])
    found = scores("classification", ["a", "b", "a"], ["a", "b", "b"], probabilities, ["a", "b"])

    assert found == pytest.approx({"log_loss": -np.log(0.5 * 0.75 * 0.5) / 3, "accuracy": 2 / 3, "balanced_accuracy": 0.75})


def test_a_class_never_trained_is_a_surprise_not_an_error() -> None:
    """The truth that no class stands for had the probability 0, which scikit-learn counts as the smallest step from 1."""
    found = scores("classification", ["new"], ["a"], np.asarray([[1.0]]), ["a"])

    assert found["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_regression_by_hand() -> None:
    """Errors of 1 and 3 on a spread of 2."""
    found = scores("regression", [0.0, 4.0], [1.0, 1.0])

    assert found == pytest.approx({"rmse": np.sqrt(5), "mae": 2.0, "r2": 1 - 5 / 4})


def test_unknown_metric_is_refused() -> None:
    """The message lists those of the task."""
    with pytest.raises(UnknownMetric, match=r"gate.metric is 'auc', expected for regression one of rmse, mae, r2"):
        metric("auc", "regression")
