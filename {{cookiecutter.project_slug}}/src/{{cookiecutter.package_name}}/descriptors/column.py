"""A column in a few numbers for each of its values, so that neither texts nor pictures are kept to be watched.

How far away a date is, is none of them: time always moves on.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from ..sections import Section

LARGEST = float(np.finfo(np.float32).max)
OF_WORDS = ("familiarity", "unseen")  # measures that depend on words that were learned


class Vocabulary(Section):
    """How many entities were seen with a text, and with each word."""

    entities: int
    counts: dict[str, int]


def learned(texts: pd.Series, entities: pd.Series) -> Vocabulary:
    """The words of a text column.

    Args:
        texts: str or None.
        entities: whose they are.
    """
    found: Vocabulary = import_module(f"{__package__}.words").learned(texts, entities)
    return found


def described(column: pd.Series, modality: str, known: Vocabulary | None) -> dict[str, pd.Series]:
    """The measures of a column: float32, or str and None for labels, or bool for `missing`.

    Args:
        column: conformed.
        modality: of the column.
        known: the words that were learned of it, if it is text.
    """
    found = {name: _formed(values, column.index) for name, values in _DESCRIBED[modality](column, known).items()}
    missing = column.isna() | found["brightness"].isna() if modality == "image" else column.isna()  # bytes that are no picture
    return found | {"missing": missing.astype(bool)}


def _numbers(column: pd.Series, known: Vocabulary | None) -> dict[str, Any]:
    return {"distribution": column.clip(-LARGEST, LARGEST)}


def _categories(column: pd.Series, known: Vocabulary | None) -> dict[str, Any]:
    return {"distribution": column}


def _dates(column: pd.Series, known: Vocabulary | None) -> dict[str, Any]:
    return {"hour": column.dt.hour, "weekday": column.dt.day_name()}


def _text(column: pd.Series, known: Vocabulary | None) -> dict[str, Any]:
    words = import_module(f"{__package__}.words")
    return dict(zip(words.MEASURES, zip(*words.described(column, known), strict=True), strict=True))


def _image(column: pd.Series, known: Vocabulary | None) -> dict[str, Any]:
    looks = import_module(f"{__package__}.looks")
    return dict(zip(looks.MEASURES, zip(*looks.described(column), strict=True), strict=True))


def _formed(values: Any, index: pd.Index) -> pd.Series:
    """As float32, which is half the size, or as str and None."""
    column = pd.Series(values, index=index)
    if pd.api.types.is_numeric_dtype(column):
        return column.astype("float32")
    return column.astype(object).where(column.notna(), None)


_DESCRIBED: dict[str, Callable[[pd.Series, Vocabulary | None], dict[str, Any]]] = {
    "numbers": _numbers,
    "categories": _categories,
    "dates": _dates,
    "text": _text,
    "image": _image,
}
