"""Numbers and categories as columns of a matrix.

A missing number is answered by the median and a flag, a missing category is a category, an unseen one is none of the known.
"""

from __future__ import annotations

from typing import Any

from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from ..sections import Encoders
from .hashed import Hashed


def _numbers(*steps: Any) -> Pipeline:
    """The median in the gaps, with a flag for each column in which training rows had some; then the steps."""
    return make_pipeline(SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), *steps)


def _categories(*steps: Any) -> Pipeline:
    """A category of its own in the gaps; then the steps."""
    filled = {"strategy": "constant", "fill_value": "(missing)", "keep_empty_features": True}
    return make_pipeline(SimpleImputer(missing_values=None, **filled), *steps)


def _one_hot(settings: Encoders) -> Pipeline:
    """One column per category; the rare ones of a column share one, and so does what training never saw."""
    rare, unseen = settings.rare_category, "infrequent_if_exist"
    return _categories(OneHotEncoder(handle_unknown=unseen, min_frequency=rare, sparse_output=False, dtype=float))


def _target(settings: Encoders) -> Pipeline:
    """What the target is like in each category; for a training row, in the rows of other entities."""
    return _categories(TargetEncoder(cv=GroupKFold(settings.folds)), StandardScaler())


KINDS: dict[str, Any] = {
    "numbers": {
        "standard": lambda _: _numbers(StandardScaler()),
        "robust": lambda _: _numbers(RobustScaler()),
        "quantile": lambda _: _numbers(QuantileTransformer(n_quantiles=50, output_distribution="normal")),
        "power": lambda _: _numbers(MinMaxScaler(clip=True), PowerTransformer()),  # a power of what is far outside is infinite
        "splines": lambda _: _numbers(StandardScaler(), SplineTransformer(extrapolation="linear")),
    },
    "categories": {
        "one_hot": _one_hot,
        "target": _target,
        "hashed": lambda settings: _categories(Hashed(settings.hashed_dimensions)),
    },
}
