"""Golden rows: a few rows, the rare ones among them, on which a loaded model proves that it answers as it did.

They lie in every bundle and come from training rows, so they are as few as will do.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pandas as pd

from ..sections import Columns

REAL = 3
UNSEEN = "(never seen)"
TWICE = pd.Timestamp("2025-10-26T01:30:00Z")  # 02:30 in Berlin, for the second time that night


def golden_rows(raw: pd.DataFrame, entity: pd.Series, columns: Columns) -> pd.DataFrame:
    """The first training rows, then the first one with other cells; the index says which.

    Args:
        raw: training rows, conformed.
        entity: the key of each.
        columns: what the model reads.
    """
    cells: dict[str, dict[str, Any]] = {"with nothing but its key": dict.fromkeys(columns.names)}
    if columns.categories:
        cells["with unseen categories"] = dict.fromkeys(columns.categories, UNSEEN)
    if columns.dates:
        cells["in an hour that clocks show twice"] = dict.fromkeys(columns.dates, TWICE)
    if columns.text:
        cells["with empty text"] = dict.fromkeys(columns.text, "")
    for name in columns.image:
        area = import_module(f"{__package__}.image").area
        pictures = sorted(set(raw[name].dropna()), key=lambda picture: (area(picture), picture))
        if pictures:
            cells |= {f"with the smallest {name}": {name: pictures[0]}, f"with the largest {name}": {name: pictures[-1]}}
    real = raw.head(REAL).astype(object).to_dict(orient="records")
    rows = {f"{number} of training": row for number, row in enumerate(real)}
    rows |= {word: real[0] | other for word, other in cells.items()}
    key = str(entity.name)
    keys = [*entity.head(REAL), *[entity.iloc[0]] * len(cells)]  # last, for a key may be a category as well
    return pd.DataFrame(list(rows.values()), index=list(rows), dtype=object).assign(**{key: keys})
