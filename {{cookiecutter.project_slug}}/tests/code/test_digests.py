"""Digests: what an estimator has learned, and nothing else, decides."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from {{ cookiecutter.package_name }}.digests import fingerprint

X, Y = np.random.default_rng(0).normal(size=(80, 3)), np.arange(80) % 2


@pytest.mark.parametrize(
    "learned",
    [
        LogisticRegression().fit(X, Y),
        HistGradientBoostingClassifier(max_iter=3).fit(X, Y),
        make_pipeline(TfidfVectorizer()).fit(["one two", "two three"]),
        {"a": [1, 2.0, "x", None, b"y"], "b": {"c", "d"}, "e": np.asarray(["text", None], dtype=object)},
    ],
)
def test_a_copy_is_the_same(learned: object) -> None:
    """Also after a way through a file; an array's order in memory plays no part."""
    held = io.BytesIO()
    pickle.dump(learned, held)

    assert fingerprint(learned) == fingerprint(pickle.loads(held.getvalue()))  # noqa: S301 # it was written above
    assert fingerprint(np.asfortranarray(X)) == fingerprint(X)


def test_other_numbers_are_another_model() -> None:
    """One coefficient in its last digit, one row more or less, another kind of estimator."""
    model = LogisticRegression().fit(X, Y)
    before = fingerprint(model)
    model.coef_ = np.nextafter(model.coef_, 9)

    assert before != fingerprint(model)
    arrays = [np.asarray([1]), np.asarray([1.0]), np.asarray([[1]])]
    found = [1, 1.0, "1", True, [1], (1,), {1}, {1: 1}, LogisticRegression, *arrays]
    assert len(found) == len({fingerprint(one) for one in found})
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
