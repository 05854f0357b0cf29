"""Quality: how good the answers of late were, now that their truth is known, beside how good the model was when tested.

Both are samples, and an alarm needs a loss that chance in neither explains: of the difference of two means whose bounds are
known, the bounds are these (MOVER; Zou and Donner, 2008).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from math import hypot

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..card import Card
from ..data.schema import label
from ..intervals import Comparison, Interval
from ..metrics import METRICS
from ..operations import Monitoring
from ..sections import Gate as Rules
from .finding import Finding
from .scoring import Scored

NAME = "answers"
PERIODS = 8  # at most, into which labelled answers are divided to see how it went


def quality(scored: Scored, card: Card, rules: Monitoring, gate: Rules) -> list[Finding]:
    """Whether the model is worse than on its test rows, over all and in each slice; of too few labels, that they are too few.

    A finding that is named after all answers or a slice is there only where it could be judged.

    Args:
        scored: the labelled answers that are looked at together.
        card: of the model.
        rules: of monitoring.
        gate: names the metric, the slices and the confidence.
    """
    note = f"; {scored.left_out} more could not be scored, for their inputs were not kept" if scored.left_out else ""
    count = len(scored.rows)
    if count < rules.min_labels:
        few = f"labelled answers: {count}, and fewer than monitoring.min_labels = {rules.min_labels} say nothing{note}"
        return [Finding("quality", "score: labels", False, few, {"labels": count, "left_out": scored.left_out})]
    comparison = compared(scored, gate)
    before = _tested(card, gate)
    held = {"all": scored.rows.index} | slices(scored.log, card, gate)
    judged = {part: rows for part, rows in held.items() if part == "all" or (part in before and len(rows) >= gate.min_slice)}
    found = []
    for part, rows in judged.items():
        score = comparison.score(NAME, rows)
        if not np.isfinite([score.value, score.low, score.high]).all():
            continue
        figures = {"labels": len(rows), "score": score.value, "low": score.low, "high": score.high}
        what = f"{gate.metric} of {len(rows)} labelled answers{'' if part == 'all' else f' where {part}'} is {score}"
        if part not in before:
            unknown = f"{what}; on the test rows it was not measured by {gate.metric}{note}"
            found.append(Finding("quality", f"score: {part}", False, unknown, figures))
            continue
        worse = loss(score, before[part], METRICS[gate.metric].greater_is_better, gate.confidence, len(judged))
        alarm = worse.low > rules.max_loss
        by = f"worse by {worse}" if worse.value > 0 else f"better by {_turned(worse)}"
        sentence = f"{what}, on the test rows it was {before[part]}: {by}"
        sentence += f", beyond chance more than monitoring.max_loss = {rules.max_loss:g}" if alarm else ""
        figures |= {"tested": before[part].value, "loss": worse.value, "loss_low": worse.low, "loss_high": worse.high}
        found.append(Finding("quality", f"score: {part}", alarm, sentence + (note if part == "all" else ""), figures))
    return found


def compared(scored: Scored, gate: Rules) -> Comparison:
    """What scores them, or some of them."""
    return Comparison(gate.metric, scored.rows, {NAME: scored.answers}, gate.confidence)


def loss(score: Interval, tested: Interval, greater_is_better: bool, confidence: float, looks: int) -> Interval:
    """By how much a score is worse than another one that was measured on other rows; positive is worse.

    Args:
        score: now.
        tested: then, with bounds of the same confidence.
        greater_is_better: of the metric.
        confidence: of the bounds.
        looks: how many such differences are looked at together; all of them lie within their bounds with this confidence.
    """
    now, then = (_turned(one) if greater_is_better else one for one in (score, tested))
    wider, value = _z(1 - (1 - confidence) / looks) / _z(confidence), now.value - then.value
    low = value - wider * hypot(now.value - now.low, then.high - then.value)
    return Interval(value, low, value + wider * hypot(now.high - now.value, then.value - then.low))


def slices(log: pd.DataFrame, card: Card, gate: Rules) -> dict[str, pd.Index]:
    """The rows of each slice: by segment where it was given, by route where it was not, and by the gate's other columns."""
    found: dict[str, pd.Index] = {}
    segment = card.data.segment
    for name in gate.slices or ((segment,) if segment else ()):
        told = pd.Series([inputs.get(name) for inputs in log["inputs"]], log.index, dtype=object)
        if name == segment:  # which the model may read as well, without having been told it for the route
            told = told[[answer.get("route_source") != "predicted" for answer in log["answer"]]]
        told = told[told.notna()].map(label)
        found |= {f"{name} = {value}": rows for value, rows in told.groupby(told).groups.items()}
        if name == segment:
            routes = log["route"].drop(told.index).dropna()
            found |= {f"route = {route}": rows for route, rows in routes.groupby(routes).groups.items()}
    return found


def latest(log: pd.DataFrame, now: dt.datetime, rules: Monitoring) -> pd.DataFrame:
    """The labelled answers that are looked at: those whose label came in the window, or more of the newest if they are few."""
    log = log.sort_values("labelled_at", kind="stable")
    fresh = int((log["labelled_at"] > now - dt.timedelta(hours=rules.hours)).sum())
    return log.tail(max(fresh, rules.min_labels)).sort_index()


def periods(scored: Scored, card: Card, gate: Rules, least: int) -> list[tuple[str, Interval]]:
    """The score of the test rows, then of as many labelled answers each, by the time of the first of them; none of too few."""
    count = min(PERIODS, len(scored.rows) // least)
    if not count:
        return []
    comparison, at = compared(scored, gate), scored.log["at"]
    found = [("test rows", score) for part, score in _tested(card, gate).items() if part == "all"]
    for rows in np.array_split(at.sort_values(kind="stable").index.to_numpy(), count):
        found.append((f"from {at[rows[0]]:%Y-%m-%d %H:%M}", comparison.score(NAME, pd.Index(rows))))
    return found


def _tested(card: Card, gate: Rules) -> Mapping[str, Interval]:
    """What the card says of the test rows, with bounds of the confidence that is asked for now."""
    measured = card.measured
    if measured is None or measured.metric != gate.metric:
        value = card.scores.get(gate.metric)
        return {} if value is None else {"all": Interval(value, value, value)}
    wider = _z(gate.confidence) / _z(measured.confidence)
    return {
        part: Interval(value, value - wider * (value - low), value + wider * (high - value))
        for part, (value, low, high) in measured.parts.items()
    }


def _z(confidence: float) -> float:
    return float(norm.ppf(0.5 + confidence / 2))


def _turned(one: Interval) -> Interval:
    """What is up is down."""
    return Interval(-one.value, -one.high, -one.low)
