"""Moments as numbers: where in the year, the week and the day, and how long ago.

All in UTC, as the schema brings them; it knows no holidays and no clock that is put forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from .tabular import KINDS as TABULAR

DAYS = 24 * 3600 * 10**6  # microseconds
PARTS = ("month", "day", "day_of_week", "hour", "minute")
CYCLES = {"year": 365.2425, "week": 7.0, "day": 1.0}  # days; each as a point on a circle, so that 23:59 is beside 0:00


class Moments(TransformerMixin, BaseEstimator):
    """Times as columns of numbers; a missing one is NaN in all of its columns.

    Args:
        kind: "parts" of the calendar, which trees like, or "cyclic", in which the last hour is beside the first.
    """

    def __init__(self, kind: str = "cyclic") -> None:
        self.kind = kind

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Remember the columns' names; nothing else is learned."""
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """The day since 1970, with its fraction, and the parts or cycles, column by column."""
        check_is_fitted(self)
        return np.column_stack([self._column(pd.DatetimeIndex(X[name])) for name in self.feature_names_in_])

    def row(self, moments: Sequence[pd.Timestamp]) -> np.ndarray:
        """The numbers of one row's times."""
        return np.hstack([self._column(pd.DatetimeIndex([moment]))[0] for moment in moments])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """requested_at_days, requested_at_year_sin and so on."""
        cycles = [f"{cycle}_{way}" for cycle in CYCLES for way in ("sin", "cos")]
        names = ["days", *(cycles if self.kind == "cyclic" else PARTS)]
        return np.asarray([f"{column}_{name}" for column in self.feature_names_in_ for name in names], dtype=object)

    def _column(self, times: pd.DatetimeIndex) -> np.ndarray:
        days = np.where(times.isna(), np.nan, times.as_unit("us").asi8 / DAYS)
        if self.kind == "parts":
            return np.column_stack([days, *(np.asarray(getattr(times, part), dtype=float) for part in PARTS)])
        angles = [2 * np.pi * days / length for length in CYCLES.values()]
        return np.column_stack([days, *(way(angle) for angle in angles for way in (np.sin, np.cos))])


def _encoded(kind: str) -> Any:
    def build(settings: Any) -> Pipeline:
        return make_pipeline(Moments(kind), TABULAR["numbers"]["standard"](settings))

    return build


KINDS: dict[str, Any] = {"dates": {"parts": _encoded("parts"), "cyclic": _encoded("cyclic")}}
