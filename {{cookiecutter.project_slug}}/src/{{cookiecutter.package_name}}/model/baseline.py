"""What any model has to beat: the answer that reads nothing, and the answer that asks two questions."""

from __future__ import annotations

from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..settings import Settings


def dummy(settings: Settings) -> BaseEstimator:
    """The shares of the classes, or the mean, for everybody."""
    return DummyClassifier(strategy="prior") if settings.data.task == "classification" else DummyRegressor()


def rule(settings: Settings) -> BaseEstimator:
    """A tree of at most two questions per row, which fits on a slip of paper."""
    tree = DecisionTreeClassifier if settings.data.task == "classification" else DecisionTreeRegressor
    return tree(max_depth=2, min_samples_leaf=10, random_state=settings.seed)
