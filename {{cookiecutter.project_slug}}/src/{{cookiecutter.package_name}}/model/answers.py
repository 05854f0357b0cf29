"""What the model says about raw rows: the same words in the API and in batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

COLUMNS = ("prediction", "probability", "route", "route_probability", "route_source")


def answers(pipeline: Pipeline, frame: pd.DataFrame, segment: Any = None) -> pd.DataFrame:
    """One answer per row, with the row's index.

    Args:
        pipeline: fitted, from raw columns to prediction.
        frame: raw rows, conformed.
        segment: of each row, None where unknown; only a cascade reads it.

    Returns:
        `prediction`; `probability` of that class (NaN in regression); `route`, `route_probability` and `route_source` of the
        specialist that answered (None where nothing was routed).
    """
    encode, model = pipeline[:-1], pipeline[-1]
    Z = encode.transform(frame)
    routed = hasattr(model, "route")
    known = {"segment": segment} if routed else {}
    said = pd.DataFrame(index=frame.index, columns=list(COLUMNS), dtype=object)
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(Z, **known)
        best = probabilities.argmax(axis=1)
        said["prediction"] = model.classes_[best]
        said["probability"] = probabilities[np.arange(len(Z)), best]
    else:
        said["prediction"] = model.predict(Z, **known)
        said["probability"] = np.nan
    said[list(COLUMNS[2:])] = None
    if routed:
        said[list(COLUMNS[2:])] = model.route(Z, segment).to_numpy()
    return said.infer_objects()
