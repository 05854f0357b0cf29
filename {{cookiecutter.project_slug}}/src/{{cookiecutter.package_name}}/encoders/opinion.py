"""Late fusion: beside what a modality shows, what a model of it alone says of the row (stacking; Wolpert, 1992)."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, cross_val_predict
from sklearn.utils.validation import check_is_fitted, validate_data


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
        split, method = (StratifiedGroupKFold, "predict_proba") if is_classifier(self.model_) else (GroupKFold, "predict")
        folds = split(min(self.folds, len(np.unique(whose))), shuffle=True, random_state=0).split(X, y, whose)
        said = cross_val_predict(self._unfitted(), X, y, cv=list(folds), method=method)
        return np.column_stack([X, np.round(said, 9)])

    def transform(self, X: np.ndarray) -> np.ndarray:
        """The block, and what the model says of it."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, reset=False)
        said = self.model_.predict_proba(X) if is_classifier(self.model_) else self.model_.predict(X)
        return np.column_stack([X, np.round(said, 9)])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The block's names, and said0, said1 and so on."""
        said = len(self.model_.classes_) if is_classifier(self.model_) else 1
        own = [f"x{i}" for i in range(self.n_features_in_)] if input_features is None else list(input_features)
        return np.asarray([*own, *(f"said{i}" for i in range(said))], dtype=object)

    def _unfitted(self) -> BaseEstimator:
        return LogisticRegression() if self.model is None else self.model
