"""Staleness: how old the model is, and what the feature store knows; and how long truth takes to come in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import pandas as pd

from ..feature_store.views import FeatureView
from ..operations import Monitoring
from .finding import Finding

DAY = dt.timedelta(days=1)


def model_age(trained: dt.datetime, now: dt.datetime, rules: Monitoring) -> Finding:
    """How long ago the model was trained."""
    days = (now - trained) / DAY
    alarm, sentence = days > rules.max_model_days, f"the model was trained {days:.1f} days ago"
    if alarm:
        sentence += f", more than monitoring.max_model_days = {rules.max_model_days:g}; train another with `make run`"
    return Finding("staleness", "model", alarm, sentence, {"days": days})


def stored(views: Sequence[FeatureView], newest: Mapping[str, dt.datetime], now: dt.datetime) -> list[Finding]:
    """How old the newest event of each view is: once it is older than the view's ttl, every answer goes without its features.

    Args:
        views: that the model reads.
        newest: by view, when its last event was; a view without events is not there.
        now: the time.
    """
    found = []
    for view in views:
        name, last = f"store: {view.name}", newest.get(view.name)
        if last is None:
            found.append(Finding("staleness", name, True, f"the feature store has no row of view {view.name}; run `make run`"))
            continue
        days = (now - last) / DAY
        alarm = view.ttl is not None and now - last > view.ttl
        sentence = f"the newest event of view {view.name} is {days:.1f} days old"
        if alarm and view.ttl is not None:
            sentence += f", older than its ttl of {view.ttl / DAY:g} days: no answer has its features; bring new raw data"
        found.append(Finding("staleness", name, alarm, sentence, {"days": days}))
    return found


def delay(labelled: pd.DataFrame) -> list[Finding]:
    """How long after its answer a label came, in the middle; told, for how long is too long nobody knows here.

    Args:
        labelled: `at` and `labelled_at` of the answers that have one.
    """
    if labelled.empty:
        return []
    hours = float((labelled["labelled_at"] - labelled["at"]).dt.total_seconds().median()) / 3600
    sentence = f"labels came {hours:.1f} hours after their answers, in the middle of {len(labelled)}"
    return [Finding("staleness", "labels", False, sentence, {"hours": hours, "labels": len(labelled)})]
