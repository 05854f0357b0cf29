"""The page of the monitoring: every finding in words, alarms first, and plots of what they rest on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from ..intervals import Interval
from ..reference import COUNT, MOST_ROWS, Reference, one_of_each
from ..report import plots
from ..report.figures import MOST, Figure
from ..report.page import Table
from ..report.page import page as whole
from ..report.plots import short
from .drift import MISSING
from .finding import Finding

LEAST_PLOTS, MOST_PLOTS = 4, 12  # of columns: those that drifted, and at least the ones that come nearest to it
WAS, IS = "training", "now"
GOOD = {
    "drift": "as in training",
    "score": "as on the test rows, or better",
    "absence": "lately",
    "volume": "as many as before",
    "burst": "no hour above all others",
    "repeats": "few",
    "replay": "none",
    "routes": "as on the test rows",
    "model": "not long ago",
    "store": "younger than its ttl",
    "labels": "soon",
}


@dataclass(frozen=True)
class Seen:
    """What the plots are made of.

    Args:
        counts: answers by hour.
        periods: the score of labelled answers over time, after that of the test rows.
        reference: of the model, if it has one.
        inputs: of the answers that were looked at, as the drift test reads them.
        answers: likewise.
    """

    counts: pd.Series
    periods: Sequence[tuple[str, Interval]]
    reference: Reference | None
    inputs: pd.DataFrame
    answers: pd.DataFrame


def page(model: str, since: dt.datetime, now: dt.datetime, findings: Sequence[Finding], seen: Seen, metric: str) -> str:
    """The whole page."""
    alarms = [finding for finding in findings if finding.alarm]
    count = f"{len(alarms)} alarm{'s' if len(alarms) > 1 else ''}" if alarms else "No alarm"
    lead = (
        f"{count}, of {len(findings)} things looked at: model {model}, from {since:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC."
    )
    figures = [*_shown(seen, findings), *_over_time(seen.periods, metric), _counted(seen.counts)]
    return whole("Monitoring", lead, table(findings), figures)


def table(findings: Sequence[Finding]) -> Table:
    """Every finding, alarms first."""
    ordered = sorted(findings, key=lambda finding: not finding.alarm)
    rows = [[one.name, "alarm" if one.alarm else "quiet", one.sentence, GOOD[_about(one)]] for one in ordered]
    bold = frozenset(finding.name for finding in findings if finding.alarm)
    return Table(
        "What was looked at; alarms are bold.", ("of", "state", "what was found", "what good looks like"), rows, bold, 2
    )


def _about(finding: Finding) -> str:
    word = finding.name.partition(":")[0]
    return word if word in GOOD else "drift" if finding.kind == "drift" else "score"


def _shown(seen: Seen, findings: Sequence[Finding]) -> list[Figure]:
    """Predictions, then the columns that drifted or come nearest to it, each beside what it was."""
    if seen.reference is None or seen.inputs.empty:
        return []
    entity = seen.reference.entity
    whose = seen.inputs[entity] if entity in seen.inputs else pd.Series(seen.inputs.index, seen.inputs.index)
    counts = one_of_each(whose, MOST_ROWS)  # a row of each counts as often as it asked, as the test has it
    described = seen.reference.describe(seen.inputs.loc[counts.index])
    measured = [one for one in findings if one.kind == "drift" and isinstance(one.figures.get("effect"), float)]
    measured.sort(key=lambda one: (not one.alarm, -float(one.figures["effect"] or 0)))
    found = []
    for number, one in enumerate(measured[:MOST_PLOTS]):
        column, measure = str(one.figures["column"]), str(one.figures["measure"])
        own = one.figures["modality"] == "answers"
        if not (one.alarm or own or number < LEAST_PLOTS):
            continue
        name = column if own else f"{measure}:{column}"
        before = seen.reference.answers if own else seen.reference.rows
        was = before[name].repeat(before[COUNT].tolist()).dropna()
        now = (seen.answers.loc[counts.index, name] if own else described[name]).repeat(counts.tolist()).dropna()
        if len(was) and len(now):
            axis = column if own or measure == "distribution" else measure
            found.append(_beside(f"{column}, answered" if own else f"{column}: {measure}", axis, one, was, now))
    return found


def _beside(title: str, axis: str, finding: Finding, was: pd.Series, now: pd.Series) -> Figure:
    if pd.api.types.is_bool_dtype(was):
        was, now = was.map(MISSING), now.map(MISSING)
    caption = f"{finding.sentence[:1].upper()}{finding.sentence[1:]}. Good: blue is where grey is."
    if pd.api.types.is_numeric_dtype(was):
        values = {WAS: was.to_numpy(dtype=float), IS: pd.to_numeric(now).to_numpy(dtype=float)}
        alt = "; ".join(
            f"{name}: quartiles {', '.join(f'{value:.3g}' for value in _quarters(own))}" for name, own in values.items()
        )
        return Figure(title, caption, alt, partial(plots.spreads, values=values, axis=axis))
    shares = pd.DataFrame({name: own.map(str).value_counts(normalize=True) for name, own in ((WAS, was), (IS, now))}).fillna(0)
    shares = shares.loc[shares.max(axis=1).sort_values(ascending=False).index]
    if len(shares) > MOST:
        shares = pd.concat([shares.head(MOST - 1), shares.iloc[MOST - 1 :].sum().to_frame("(others)").T])
    told = (f"{short(name)}: {100 * row[WAS]:.0f} % then, {100 * row[IS]:.0f} % now" for name, row in shares.iterrows())
    return Figure(title, caption, "; ".join(told), partial(plots.beside, shares=shares), 1.1 + 0.3 * len(shares))


def _over_time(periods: Sequence[tuple[str, Interval]], metric: str) -> list[Figure]:
    if not periods:
        return []
    told = [{"label": label, "model": "now", "score": one.value, "low": one.low, "high": one.high} for label, one in periods]
    found = pd.DataFrame(told)
    found.loc[found["label"] == "test rows", "model"] = "test rows"
    alt = "; ".join(f"{label}: {score}" for label, score in periods)
    caption = (
        f"{metric} of the labelled answers in the order in which they were given, as many in each line. Good: near the first."
    )
    draw = partial(plots.intervals, found=found, front="now", axis=metric)
    return [Figure("Quality over time", caption, alt, draw, 0.9 + 0.3 * len(found))]


def _counted(counts: pd.Series) -> Figure:
    caption = "Answers by hour, times in UTC. Good: the rhythm that it always has, without gaps and peaks."
    alt = f"answers: {counts.sum()}; in the busiest of {len(counts)} hours {counts.max()}, in the quietest {counts.min()}"
    return Figure("Answers", caption, alt, partial(plots.over_time, counts=counts), 2.4)


def _quarters(values: np.ndarray) -> list[float]:
    return [float(value) for value in np.percentile(values, [25, 50, 75])]
