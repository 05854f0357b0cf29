"""Traffic: whether answers are given as often as they were, and to rows that differ.

Counts are held against chance as Poisson's are: of two, given their sum, the one is binomial (Przyborowski and Wilenski, 1940).
What is alarming is a rate that lies beyond chance outside `monitoring.max_burst` times the usual one, or its inverse.
"""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from ..operations import Monitoring
from .finding import Finding

EARLIER = 7  # windows before the one that is looked at, which tell what is usual: of a day, those of a week
HOUR = dt.timedelta(hours=1)


def absence(last: dt.datetime | None, promoted: dt.datetime, now: dt.datetime, rules: Monitoring) -> Finding:
    """How long ago the last answer was given; where there was none yet, a model was promoted."""
    hours = (now - (last or promoted)) / HOUR
    what = "the last answer was given" if last else "no answer was ever logged; the model was promoted"
    sentence, alarm = f"{what} {hours:.1f} hours ago", hours > rules.absence_hours
    if alarm:
        sentence += f", more than monitoring.absence_hours = {rules.absence_hours:g}; see whether it runs and is asked"
    return Finding("traffic", "absence", alarm, sentence, {"hours": hours})


def volume(times: pd.Series, now: dt.datetime, rules: Monitoring) -> list[Finding]:
    """Whether far fewer answers were given in the window than in those before it; nothing where none before it is whole.

    Args:
        times: of all answers of EARLIER + 2 windows, shadows left out.
        now: the end of the window.
        rules: of the settings.
    """
    window = dt.timedelta(hours=rules.hours)
    counts = _counts(times, now, window)
    before = counts[1 : EARLIER + 1]
    if len(before) == 0:
        return []
    usual, count = float(np.median(before)), int(counts[0])
    least = 1 / rules.max_burst
    chance = _chance(count, usual, len(before), least, "less")
    alarm = chance < rules.false_alarms
    sentence = f"answers of the last {rules.hours:g} hours: {count}; of such a window before: {usual:g}"
    if alarm:
        sentence += f"; that is less than a {rules.max_burst:g}th beyond chance: see who no longer asks"
    return [Finding("traffic", "volume", alarm, sentence, {"answers": count, "usual": usual, "p": chance})]


def burst(times: pd.Series, now: dt.datetime, rules: Monitoring) -> list[Finding]:
    """Whether an hour of the window had far more answers than the middle one; nothing where three are not whole.

    Args:
        times: of the answers of EARLIER + 2 windows; those to the rows of a file, which come at once, left out.
        now: the end of the window.
        rules: of the settings.
    """
    counts = _counts(times, now, HOUR)
    if len(counts) < 3:
        return []
    usual, looked_at = float(np.median(counts)), counts[: max(1, round(rules.hours))]
    hour, most = int(looked_at.argmax()), int(looked_at.max())
    chance = _chance(most, max(usual, 1.0), len(counts), rules.max_burst, "greater") * len(looked_at)  # the largest of so many
    alarm = most >= rules.min_rows and chance < rules.false_alarms
    began = f"{now - (hour + 1) * HOUR:%Y-%m-%d %H:%M}"
    sentence = f"the busiest hour began {began} and had {most} answers; the middle one has {usual:g}"
    if alarm:
        sentence += f": more than monitoring.max_burst = {rules.max_burst:g} times as many, beyond chance; see who asks"
    figures: dict[str, float | str | None]
    figures = {"answers": most, "usual": usual, "p": min(1.0, chance), "hour": began}
    return [Finding("traffic", "burst", alarm, sentence, figures)]


def repeats(log: pd.DataFrame, rules: Monitoring) -> list[Finding]:
    """Whether many answers of the window were given to a row that had one already; nothing of too few rows.

    Args:
        log: `key`, `inputs` and `masked`; rows without some of what they were are not compared.
        rules: of the settings.
    """
    whole = log[~log["masked"].astype(bool)]
    if len(whole) < rules.min_rows:
        return []
    told = zip(whole["key"], whole["inputs"], strict=True)
    share = float(pd.Series([json.dumps([key, inputs], sort_keys=True) for key, inputs in told]).duplicated().mean())
    alarm = share > rules.max_repeats
    sentence = f"{100 * share:.0f} % of {len(whole)} answers were given to a row that had one already"
    if alarm:
        sentence += f", more than monitoring.max_repeats = {100 * rules.max_repeats:g} %: see who asks again"
    return [Finding("traffic", "repeats", alarm, sentence, {"share": share, "answers": len(whole)})]


def by_hour(times: pd.Series, now: dt.datetime, hours: float) -> pd.Series:
    """How many answers each whole hour before now had, the oldest first; the index is when it began."""
    counts = np.bincount(_ago(times, now, HOUR), minlength=max(1, round(hours)))[: max(1, round(hours))]
    return pd.Series(counts[::-1], [now - (number + 1) * HOUR for number in range(len(counts))][::-1])


def _counts(times: pd.Series, now: dt.datetime, span: dt.timedelta) -> np.ndarray:
    """How many answers each span before now had, the newest first; the one that the first answer fell into is not whole."""
    ago = _ago(times, now, span)
    whole = int(ago.max(initial=0))
    return np.bincount(ago, minlength=whole)[:whole] if whole else np.bincount(ago, minlength=1)[:1]


def _ago(times: pd.Series, now: dt.datetime, span: dt.timedelta) -> np.ndarray:
    return np.asarray((now - times).dt.total_seconds() // span.total_seconds(), dtype=np.int64)


def _chance(count: int, usual: float, spans: int, times: float, alternative: str) -> float:
    """How likely a count is at least so extreme, if the rate is so many times the usual one, of which so many spans tell."""
    others = round(usual * spans)
    if count + others == 0:
        return 1.0
    return float(binomtest(count, count + others, times / (times + spans), alternative).pvalue)
