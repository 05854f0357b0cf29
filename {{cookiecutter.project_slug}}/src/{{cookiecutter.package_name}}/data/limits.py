"""What a number may be and what may be null, where the owner says so: one rule for files, requests and single rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..sections import Limits
from .schema import SchemaError, unfit


def wanted(limits: Limits) -> str:
    """A number that keeps to them, in words."""
    low, high = ("" if bound is None else f"{bound:.15g}" for bound in (limits.min, limits.max))
    span = f"from {low} to {high}" if low and high else f"of at least {low}" if low else f"of at most {high}" if high else ""
    return " ".join(filter(None, ("a number", span, limits.unit and f"({limits.unit})")))


def within(column: pd.Series, limits: Limits) -> pd.Series:
    """Which values keep to the range; a null does, and so does what is no number."""
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    return ~(values.lt(-np.inf if limits.min is None else limits.min) | values.gt(np.inf if limits.max is None else limits.max))


def bounded(frame: pd.DataFrame, limits: Mapping[str, Limits]) -> pd.DataFrame:
    """The same frame, once its columns were seen to keep their limits.

    Raises:
        SchemaError: a number is out of its range, or there is a null where none may be.
    """
    for name, limit in limits.items():
        if name not in frame:
            continue
        if limit.is_range and not (good := within(frame[name], limit)).all():
            raise unfit(frame[name], ~good, wanted(limit))
        if not limit.null and (null := frame[name].isna()).any():
            raise SchemaError(f"column {name!r}, row {null.idxmax()}: there is no value, and the model takes no row without it")
    return frame
