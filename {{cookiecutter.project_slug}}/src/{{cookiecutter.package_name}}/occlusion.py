"""Single-feature occlusion: by how much an answer differs from what it would be with other rows' values in one column.

An interventional difference, column by column. It does not tell interactions: where two columns say the same, or count only
together, each alone may show nothing, and the differences do not add up to the answer. Mixed rows may be such as nobody is.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from .bundle import Bundle
from .model.answers import said

MOST = 100  # other rows, answered together once per column


def occluded(bundle: Bundle, row: pd.DataFrame, others: pd.DataFrame, segment: Any = None) -> tuple[float, pd.Series]:
    """What a row's answer owes to each column that the model reads.

    Args:
        bundle: of the model.
        row: one, conformed.
        others: conformed, the first MOST of which lend their values.
        segment: of the row, if it was given; it stays as it is.

    Returns:
        The answer as a number, which is the probability of the answered class, or the number predicted; and by column how much
        higher it is than on average with the others' values, the largest difference first.
    """
    encode, model = bundle.pipeline[0], bundle.pipeline[-1]
    others = others[:MOST].reset_index(drop=True)

    def answers(frame: pd.DataFrame) -> pd.DataFrame:
        known = None if segment is None else [segment] * len(frame)
        return said(model, encode.transform(frame), frame.index, known)

    answer = answers(row).iloc[0]
    name = "prediction" if bundle.card.classes is None else f"p:{answer['prediction']}"
    alike = row.loc[row.index.repeat(len(others))].reset_index(drop=True)
    found = {
        column: float(answer[name]) - float(answers(alike.assign(**{column: others[column]}))[name].mean())
        for column in map(str, row)
    }
    return float(answer[name]), pd.Series(found, dtype=float).sort_values(key=abs, ascending=False, kind="stable")
