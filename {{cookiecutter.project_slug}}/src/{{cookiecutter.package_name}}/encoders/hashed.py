"""Categories of which there are too many to have a column each, in columns that they share."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction import FeatureHasher
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data


class Hashed(TransformerMixin, BaseEstimator):
    """Adds one to or takes one from the column that a category's hash names (Weinberger and others, 2009).

    What training never saw is told apart from the rest, and nothing is learned but how many columns there were.

    Args:
        dimensions: columns that all categories of all columns share.
    """

    def __init__(self, dimensions: int = 64) -> None:
        self.dimensions = dimensions

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Remember the number of columns."""
        validate_data(self, X, dtype=None)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Rows by `dimensions`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=None, reset=False)
        rows = ([f"{column}={value}" for column, value in enumerate(row)] for row in X)
        return np.asarray(FeatureHasher(self.dimensions, input_type="string").transform(rows).toarray())

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """One name per column: hash0, hash1 and so on."""
        return np.asarray([f"hash{i}" for i in range(self.dimensions)], dtype=object)
