"""Numbers and categories as columns of a matrix.

A missing number is answered by the median and a flag, a missing category is a category, an unseen one is none of the known.
"""

from __future__ import annotations

from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ..sections import Encoders


def numbers(settings: Encoders) -> Pipeline:
    """Standardized numbers, with a flag for each column in which training rows had gaps."""
    return make_pipeline(SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler())


def categories(settings: Encoders) -> Pipeline:
    """One column per category; the rare ones of a column share one, and so does what training never saw."""
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=settings.rare_category, sparse_output=False, dtype=float
    )
    return make_pipeline(SimpleImputer(missing_values=None, strategy="constant", fill_value="(missing)"), one_hot)
