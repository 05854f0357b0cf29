"""One raw row to numbers without a frame: most of what a frame of one row costs is asking whether it is one.

The fitted encoder stays the only truth. What is read here is what it learned, an estimator without a way of its own for a row
is asked itself, and no bundle answers of which a golden row comes out otherwise than by `transform`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce, singledispatch
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .latent import Latent
from .volume import Volume

Step = Callable[[Any], Any]


@dataclass(frozen=True)
class Sparse:
    """A row of which most is zero."""

    places: np.ndarray
    values: np.ndarray
    width: int

    def dense(self) -> np.ndarray:
        """The same with its zeros."""
        row = np.zeros(self.width)
        row[self.places] = self.values
        return row


def row_encoder(encode: ColumnTransformer) -> Callable[[Mapping[str, Any]], np.ndarray]:
    """A function from a row's conformed values, by column, to the numbers that `encode` gives for it."""
    blocks = []
    for modality, block, _ in encode.transformers_:
        if modality == "remainder":  # columns that the model does not read
            continue
        kinds = [(columns, step(pipeline)) for _, pipeline, columns in block[0].transformers_]
        blocks.append((kinds, step(block[1:])))

    def encoded(row: Mapping[str, Any]) -> np.ndarray:
        parts = [(joined, [_dense(kind([row[name] for name in names])) for names, kind in kinds]) for kinds, joined in blocks]
        return np.concatenate([joined(np.concatenate(found)) for joined, found in parts])

    return encoded


@singledispatch
def step(estimator: Any) -> Step:
    """What a fitted estimator does to a row: its own `row`, or else `transform` of a matrix of one row."""
    own: Step | None = getattr(estimator, "row", None)
    return own or (lambda row: estimator.transform(np.asarray([_dense(row)]))[0])


@step.register
def _(estimator: Pipeline) -> Step:
    steps = [step(part) for _, part in estimator.steps]
    return lambda row: reduce(lambda found, one: one(found), steps, row)


@step.register
def _(estimator: FeatureUnion) -> Step:
    parts = [step(part) for _, part in estimator.transformer_list]

    def union(row: Any) -> Sparse:
        found = [part(row) for part in parts]
        starts = np.cumsum([0, *(one.width for one in found)])
        places = [one.places + start for one, start in zip(found, starts, strict=False)]
        return Sparse(np.concatenate(places), np.concatenate([one.values for one in found]), int(starts[-1]))

    return union


@step.register
def _(estimator: SimpleImputer) -> Step:
    if estimator.strategy == "constant":
        return lambda row: np.asarray([estimator.fill_value if value is None else value for value in row], dtype=object)
    filling = estimator.statistics_
    flagged = estimator.indicator_.features_ if estimator.add_indicator else np.zeros(0, dtype=int)

    def imputed(row: Any) -> np.ndarray:
        values = np.asarray(row, dtype=float)
        missing = np.isnan(values)
        return np.concatenate([np.where(missing, filling, values), missing[flagged]])

    return imputed


@step.register
def _(estimator: StandardScaler) -> Step:
    return lambda row: (row - estimator.mean_) / estimator.scale_


@step.register
def _(estimator: OneHotEncoder) -> Step:
    # A dictionary per column; the rare categories share its last place, and so does what training never saw.
    places: list[dict[Any, int]] = []
    rest: list[int | None] = []
    width = 0
    for categories, rare in zip(estimator.categories_, estimator.infrequent_categories_, strict=True):
        common = [category for category in categories if rare is None or category not in rare]
        places.append({category: width + place for place, category in enumerate(common)})
        width += len(common)
        rest.append(None if rare is None else width)
        width += rare is not None

    def one_hot(row: Any) -> np.ndarray:
        found = [known.get(value, other) for known, other, value in zip(places, rest, row, strict=True)]
        return Sparse(np.asarray([place for place in found if place is not None], dtype=int), np.ones(1), width).dense()

    return one_hot


@step.register
def _(estimator: TfidfVectorizer) -> Step:
    analyze, known, idf = estimator.build_analyzer(), estimator.vocabulary_, estimator.idf_

    def weighted(document: str) -> Sparse:
        counts = Counter(known[word] for word in analyze(document) if word in known)
        places = np.fromiter(counts, dtype=int, count=len(counts))
        values = (1 + np.log(np.fromiter(counts.values(), dtype=float, count=len(counts)))) * idf[places]
        return Sparse(places, values / (np.linalg.norm(values) or 1.0), len(idf))

    return weighted


@step.register
def _(estimator: Latent) -> Step:
    directions = estimator.directions_

    def folded(row: Any) -> np.ndarray:
        if isinstance(row, Sparse):
            return np.asarray(directions[:, row.places] @ row.values)
        return np.asarray(directions @ row)

    return folded


@step.register
def _(estimator: Volume) -> Step:
    return lambda row: np.round(row * estimator.scale_, 9)


def _dense(row: Any) -> np.ndarray:
    return row.dense() if isinstance(row, Sparse) else np.asarray(row)
