"""What the model says about raw rows: the same words in the API and in batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ..encoders.gaps import gaps
from ..encoders.opinion import opinion
from ..encoders.row import row_encoder

COLUMNS = ("prediction", "probability", "route", "route_probability", "route_source", "missing", "unseen")
NUMBERS = ("probability", "route_probability")


class Answerer:
    """Answers to raw rows, from one fitted pipeline.

    Args:
        pipeline: fitted, from raw columns to prediction; its first step is the encoder, its last the model.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.encode, self.model = pipeline[0], pipeline[-1]
        self.encode_row = row_encoder(self.encode)
        self.gaps = gaps(self.encode)

    def answers(self, frame: pd.DataFrame, segment: Any = None) -> pd.DataFrame:
        """One answer per row, with the row's index.

        Args:
            frame: raw rows, conformed.
            segment: of each row, None where unknown; only a cascade reads it.

        Returns:
            `prediction`; `probability` of that class (NaN in regression); `route`, `route_probability` and `route_source` of
            the specialist that answered (None where nothing was routed); `missing` modalities and `unseen` categories.
        """
        said = self._said(self.encode.transform(frame), frame.to_dict(orient="records"), segment)
        # A word is an object whether all rows have it or none, so that chunks and single rows have the types of the whole.
        forms = {name: float if name in NUMBERS else None if name == "prediction" else object for name in COLUMNS}
        return pd.DataFrame({name: pd.Series(said[name], frame.index, dtype=form) for name, form in forms.items()})

    def answer(self, row: Mapping[str, Any], segment: Any = None) -> dict[str, Any]:
        """The answer to one row's conformed values, by column: equal to that of a frame of one row, without its cost."""
        said = self._said(self.encode_row(row)[None], [row], None if segment is None else [segment])
        return {name: values[0] for name, values in said.items()}

    def _said(self, Z: np.ndarray, rows: list[Any], segment: Any) -> dict[str, Any]:
        classes = getattr(self.model, "classes_", None)
        if hasattr(self.model, "route"):
            said, route = self.model.answers(Z, segment)
        else:
            said, route = opinion(self.model, Z, classes), dict.fromkeys(COLUMNS[2:5], np.full(len(Z), None))
        prediction = said[:, 0] if classes is None else classes[said.argmax(axis=1)]
        probability = np.full(len(Z), np.nan) if classes is None else said.max(axis=1)
        gaps = [(self.gaps.missing(row), self.gaps.unseen(row)) for row in rows]
        missing, unseen = zip(*gaps, strict=True) if gaps else ((), ())
        return dict(zip(COLUMNS, (prediction, probability, *route.values(), missing, unseen), strict=True))


def said(model: BaseEstimator, encoded: np.ndarray, index: pd.Index, segment: Any = None) -> pd.DataFrame:
    """What a model says of encoded rows, to be scored: `prediction`, in classification `p:<class>`, of a cascade the `route`.

    Args:
        model: the last step of a pipeline.
        encoded: by its first step.
        index: of the rows.
        segment: of each row, None where the model is to find it out; only a cascade reads it.
    """
    known = {"segment": segment} if hasattr(model, "route") else {}
    if hasattr(model, "predict_proba"):
        shares = model.predict_proba(encoded, **known)
        told = {"prediction": model.classes_[shares.argmax(axis=1)]}
        told |= {f"p:{name}": share for name, share in zip(model.classes_, shares.T, strict=True)}
    else:
        told = {"prediction": model.predict(encoded, **known)}
    if known:
        told["route"] = model.route(encoded, **known)["route"].to_numpy()
    return pd.DataFrame(told, index=index)
