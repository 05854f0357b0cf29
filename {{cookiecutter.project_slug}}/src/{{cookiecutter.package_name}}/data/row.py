"""One row of JSON values in the form of its columns, without a frame.

It takes what is ordinary. Whatever is not is left to the rules of `schema`, which say what is wrong with it.
"""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from ..sections import Limits
from .schema import LARGEST, label, moment


def formed(row: Mapping[str, Any], modalities: Mapping[str, str], limits: Mapping[str, Limits]) -> dict[str, Any] | None:
    """The row's values, each in the form of its modality; None where one of them is out of the ordinary.

    Args:
        row: column → value, null where there is none.
        modalities: column → "numbers", "categories", "dates", "text" or "image".
        limits: what a column may hold, where the owner says so.
    """
    try:
        values = {name: _FORMS[modality](row.get(name)) for name, modality in modalities.items()}
    except (ValueError, TypeError, OverflowError):
        return None
    return values if all(limit.allows(values[name]) for name, limit in limits.items() if name in values) else None


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if not abs(value) <= LARGEST:  # nor is NaN
        raise ValueError
    return float(value)


def _date(value: Any) -> Any:
    if value is None:
        return pd.NaT
    found = moment(value)
    if found is None:
        raise ValueError
    return pd.Timestamp(found, tz="UTC").as_unit("us")


def _optional(form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None or value != value else form(value)


_FORMS: dict[str, Callable[[Any], Any]] = {
    "numbers": _number,
    "categories": _optional(label),
    "dates": _date,
    "text": _optional(label),
    "image": _optional(lambda value: value if isinstance(value, bytes) else b64decode(value, validate=True)),
}
