"""Late fusion: beside what a modality shows, what a model of it alone says of the row (stacking; Wolpert, 1992)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from sklearn.utils.validation import check_is_fitted, validate_data

from ..compute import each


class Opinion(TransformerMixin, BaseEstimator):
    """A block with a model's probabilities, or its expected value, at its side.

    Of a training row, `fit_transform` gives what a model says that was trained on the rows of other groups: of its own it
    would be too sure, and whoever reads it would learn to believe it.

    Args:
        model: classifier or regressor.
        folds: into which the groups are divided; fewer where there are fewer groups.
    """

    __metadata_request__fit: ClassVar = {"groups": True}

    def __init__(self, model: BaseEstimator | None = None, folds: int = 5) -> None:
        self.model = model
        self.folds = folds

    def fit(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> Self:
        """Train the model on all rows."""
        X = validate_data(self, X, dtype=float)
        self.model_ = clone(self._unfitted()).fit(X, y)
        return self

    def fit_transform(self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
        """Train it, and give the training rows with what others' models say of them."""
        self.fit(X, y)
        X = validate_data(self, X, dtype=float, reset=False)
        whose = np.arange(len(X)) if groups is None else np.asarray(groups)
        split = StratifiedGroupKFold if is_classifier(self.model_) else GroupKFold
        folds = split(min(self.folds, len(np.unique(whose))), shuffle=True, random_state=0)
        said, parts = np.zeros((len(X), self._width())), list(folds.split(X, y, whose))
        classes = getattr(self.model_, "classes_", None)
        calls = ((self._unfitted(), X[train], y[train], X[test], classes) for train, test in parts)
        for (_, test), told in zip(parts, each(others_opinion, calls), strict=True):
            said[test] = told
        return np.column_stack([X, np.round(said, 9)])

    def transform(self, X: np.ndarray) -> np.ndarray:
        """The block, and what the model says of it."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, reset=False)
        said = opinion(self.model_, X, getattr(self.model_, "classes_", None))
        return np.column_stack([X, np.round(said, 9)])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The block's names, and said0, said1 and so on."""
        own = [f"x{i}" for i in range(self.n_features_in_)] if input_features is None else list(input_features)
        return np.asarray([*own, *(f"said{i}" for i in range(self._width()))], dtype=object)

    def _width(self) -> int:
        return len(self.model_.classes_) if is_classifier(self.model_) else 1

    def _unfitted(self) -> BaseEstimator:
        return LogisticRegression() if self.model is None else self.model


def trained(model: BaseEstimator, X: np.ndarray, y: np.ndarray) -> BaseEstimator:
    """A trained copy; where there is one class only, that is the answer, and most classifiers refuse."""
    if is_classifier(model) and len(np.unique(y)) == 1:
        return DummyClassifier(strategy="prior").fit(X, y)
    return clone(model).fit(X, y)


def others_opinion(
    model: BaseEstimator, X: np.ndarray, y: np.ndarray, others: np.ndarray, classes: np.ndarray | None
) -> np.ndarray:
    """What a model that is trained on some rows says of others; see `opinion`."""
    return opinion(trained(model, X, y), others, classes)


def opinion(model: BaseEstimator, X: np.ndarray, classes: Sequence[Any] | np.ndarray | None) -> np.ndarray:
    """Expected values, or probabilities in the order of `classes`, sorted; a class that the model never saw has none."""
    if classes is None:
        return np.asarray(model.predict(X)).reshape(-1, 1)
    said = np.asarray(model.predict_proba(X))
    if said.shape[1] == len(classes):
        return said
    aligned = np.zeros((len(X), len(classes)))
    aligned[:, np.searchsorted(classes, model.classes_)] = said
    return aligned
