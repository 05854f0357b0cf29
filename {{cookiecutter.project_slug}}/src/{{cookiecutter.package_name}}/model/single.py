"""One model for everybody, and the parts of which a cascade is made."""

from __future__ import annotations

from collections.abc import Callable

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


# 15 leaves, 60 rounds and 63 bins: on the demo the default 31, 100 and 255 took three times as long and scored less.
_TREES = {"max_iter": 60, "max_leaf_nodes": 15, "max_bins": 63, "early_stopping": False}
_ESTIMATORS: dict[tuple[str, str], Callable[[Settings], BaseEstimator]] = {
    ("linear", "classification"): lambda own: LogisticRegression(C=own.model.regularization, max_iter=1000),
    ("linear", "regression"): lambda own: Ridge(alpha=1 / own.model.regularization),
    ("gradient_boosting", "classification"): lambda own: HistGradientBoostingClassifier(**_TREES, random_state=own.seed),
    ("gradient_boosting", "regression"): lambda own: HistGradientBoostingRegressor(**_TREES, random_state=own.seed),
}
