"""One model for everybody, and the parts of which a cascade is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from ..settings import Settings


def estimator(name: str, task: str, settings: Settings) -> BaseEstimator:
    """An unfitted estimator by its name in settings.toml: "linear" or "gradient_boosting"."""
    return _ESTIMATORS[name, task](settings)


def single(settings: Settings) -> BaseEstimator:
    """The estimator that `model.estimator` names."""
    return estimator(settings.model.estimator, settings.data.task, settings)


# 15 leaves and 63 bins: the default 31 and 255, with 100 rounds, took three times as long on the demo and scored less.
_TREES = {"max_leaf_nodes": 15, "max_bins": 63, "early_stopping": False}
_ESTIMATORS: dict[tuple[str, str], Callable[[Settings], BaseEstimator]] = {
    ("linear", "classification"): lambda own: LogisticRegression(C=own.model.regularization, max_iter=1000),
    ("linear", "regression"): lambda own: Ridge(alpha=1 / own.model.regularization),
    ("gradient_boosting", "classification"): lambda own: HistGradientBoostingClassifier(**_knobs(own)),
    ("gradient_boosting", "regression"): lambda own: HistGradientBoostingRegressor(**_knobs(own)),
}


def _knobs(settings: Settings) -> dict[str, Any]:
    return _TREES | {"max_iter": settings.model.boosting_rounds, "random_state": settings.seed}
