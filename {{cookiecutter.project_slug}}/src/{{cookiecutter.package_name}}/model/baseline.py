"""What any model has to beat: the answer that reads nothing, and the answer that reads one column."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..settings import Settings


class OneRule(BaseEstimator):
    """The one column that tells most, cut into bands of as many rows each, and what is usual in its bands (Holte, 1993).

    Args:
        task: "classification" or "regression".
        bands: at most; a column of zeros and ones has two.
    """

    def __init__(self, task: str = "classification", bands: int = 6) -> None:
        self.task = task
        self.bands = bands

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier" if self.task == "classification" else "regressor"
        return tags

    def fit(self, Z: np.ndarray, y: np.ndarray) -> Self:
        """Choose the column whose bands differ most: the greatest variance between them."""
        targets = np.asarray(y)[:, None]
        if is_classifier(self):
            self.classes_ = np.unique(y)
            targets = targets == self.classes_
        mean, self.column_, most = targets.mean(axis=0), 0, -1.0
        for column, values in enumerate(np.asarray(Z).T):
            # A cut at the least value would leave nothing below it.
            cuts = np.setdiff1d(np.quantile(values, np.linspace(0, 1, self.bands + 1)[1:-1]), values.min())
            band = np.searchsorted(cuts, values, side="right")
            rows = np.bincount(band, minlength=len(cuts) + 1)
            sums = np.stack([np.bincount(band, weights=target, minlength=len(rows)) for target in targets.T], axis=1)
            usual = (sums + mean) / (rows[:, None] + 1)  # one row of everybody's in each, so that no class is impossible
            told = float((rows[:, None] * (usual - mean) ** 2).sum())
            if told > most:
                self.column_, self.cuts_, self.usual_, most = column, cuts, usual, told
        return self

    def predict(self, Z: np.ndarray) -> np.ndarray:
        """The commonest class of the row's band, or its mean."""
        usual = self._usual(Z)
        return self.classes_[usual.argmax(axis=1)] if is_classifier(self) else usual[:, 0]

    @available_if(is_classifier)  # type: ignore[untyped-decorator] # scikit-learn has no types
    def predict_proba(self, Z: np.ndarray) -> np.ndarray:
        """The shares of the classes in the row's band."""
        return self._usual(Z)

    def _usual(self, Z: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return np.asarray(self.usual_[np.searchsorted(self.cuts_, np.asarray(Z)[:, self.column_], side="right")])


def dummy(settings: Settings) -> BaseEstimator:
    """The shares of the classes, or the mean, for everybody."""
    return DummyClassifier(strategy="prior") if settings.data.task == "classification" else DummyRegressor()


def rule(settings: Settings) -> BaseEstimator:
    """One column, in bands."""
    return OneRule(settings.data.task)
