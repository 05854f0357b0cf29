"""How loud a block of columns is beside the others."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class Volume(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scales a block of columns so that its rows have the norm `weight` on average.

    Args:
        weight: of the block beside the others, which have theirs; None leaves it as it is.

    >>> Volume(2.0).fit_transform(np.array([[3.0, 4.0], [0.0, 15.0]])).round(1).tolist()
    [[0.6, 0.8], [0.0, 3.0]]
    """

    def __init__(self, weight: float | None = 1.0) -> None:
        self.weight = weight

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn the mean norm; a block of zeros is left as it is."""
        X = validate_data(self, X, dtype=float)
        norm = float(np.linalg.norm(X, axis=1).mean()) or 1.0
        self.scale_ = 1.0 if self.weight is None else self.weight / norm
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """The block, louder or softer.

        Rounded, for a row alone and among others differ in the sixteenth digit, and a tree may cut just there.
        """
        check_is_fitted(self)
        return np.asarray(np.round(validate_data(self, X, dtype=float, reset=False) * self.scale_, 9))
