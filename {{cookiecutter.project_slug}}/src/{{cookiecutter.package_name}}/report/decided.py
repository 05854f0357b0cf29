"""What a run decided, in words: one sentence, and a table of the models with what is held against each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .page import Table

COLUMNS = ("model", "score", "gain over the dummy", "calibration error", "kB", "p95, ms", "what is held against it")
SCORE, GAIN = ("score", "low", "high"), ("gain", "gain_low", "gain_high")


def sentence(decision: Mapping[str, Any]) -> str:
    """What was decided, and why."""
    version, champion = decision["version"], decision["champion"]
    if version and decision["promoted"]:
        what = f"Model {version} ({decision['best']}) answers"
    elif champion:
        what = f"Model {champion} goes on answering"
    else:
        what = f"No model answers{f', and model {version} is kept' if version else ''}"
    return f"{what}: {decision['why']}."


def models(decision: Mapping[str, Any]) -> Table:
    """The candidates, the chosen one standing out."""
    rows = []
    for one in decision["candidates"]:
        score, gain = ([one[name] for name in names] for names in (SCORE, GAIN))
        error, size, time = _number(one["calibration_error"]), _number(one["kilobytes"], 0), _number(one["p95_ms"], 1)
        rows.append([one["name"], _span(*score), _span(*gain), error, size, time, "; ".join(one["refused"])])
    caption = f"By {decision['metric']}, with intervals of {100 * decision['confidence']:g} %; the chosen model is bold."
    return Table(caption, COLUMNS, rows, frozenset({str(decision["best"])}))


def _span(value: float | None, low: float | None, high: float | None) -> str:
    return f"{_number(value)} ({_number(low)} to {_number(high)})"


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or value != value else f"{round(value, digits) + 0:.{digits}f}"  # -0.0 + 0 is 0
