"""One model for everybody, and the parts of which a cascade is made."""

from __future__ import annotations

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


def _logistic(settings: Settings) -> BaseEstimator:
    return LogisticRegression(C=settings.model.regularization, max_iter=1000)


def _ridge(settings: Settings) -> BaseEstimator:
    return Ridge(alpha=1 / settings.model.regularization)


# 15 leaves and 60 rounds: the default 31 and 100 take four times as long on the demo and score no better.
_TREES = {"max_iter": 60, "max_leaf_nodes": 15, "max_bins": 63}


def _boosted_classes(settings: Settings) -> BaseEstimator:
    return HistGradientBoostingClassifier(**_TREES, random_state=settings.seed)


def _boosted_numbers(settings: Settings) -> BaseEstimator:
    return HistGradientBoostingRegressor(**_TREES, random_state=settings.seed)


_ESTIMATORS = {
    ("linear", "classification"): _logistic,
    ("linear", "regression"): _ridge,
    ("gradient_boosting", "classification"): _boosted_classes,
    ("gradient_boosting", "regression"): _boosted_numbers,
}
