"""A wide matrix in few dimensions, so that text and pictures do not drown the numbers.

Trees and the size on disk ask for it as well: 100 dense columns instead of 10,000 sparse ones.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.sparse import spmatrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.utils import Tags
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data


class Latent(TransformerMixin, BaseEstimator):
    """Truncated SVD of at most `dimensions`: fewer where the matrix has fewer columns, which scikit-learn's own refuses.

    Args:
        dimensions: kept, those with the most of the matrix in them.
    """

    def __init__(self, dimensions: int = 100) -> None:
        self.dimensions = dimensions

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def fit(self, X: np.ndarray | spmatrix, y: Any = None) -> Self:
        """Learn the directions."""
        X = validate_data(self, X, accept_sparse="csr")
        found = TruncatedSVD(min(self.dimensions, *X.shape), random_state=0)
        self.directions_ = np.eye(1) if X.shape[1] == 1 else found.fit(X).components_
        return self

    def transform(self, X: np.ndarray | spmatrix) -> np.ndarray:
        """Rows along those directions."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        return np.asarray(safe_sparse_dot(X, self.directions_.T, dense_output=True))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """One name per dimension: latent0, latent1 and so on."""
        return np.asarray([f"latent{i}" for i in range(len(self.directions_))], dtype=object)
