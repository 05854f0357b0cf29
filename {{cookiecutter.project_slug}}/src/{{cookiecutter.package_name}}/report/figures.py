"""What a report shows of a run, each with what good looks like: from what was decided, and the answers to the test rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..metrics import METRICS
from . import plots
from .plots import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 15  # names in one plot
Decision = Mapping[str, Any]
Answers = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Figure:
    """A plot and its words; `alt` says what it shows to who does not see it."""

    title: str
    caption: str
    alt: str
    draw: Callable[[Axes], None]
    height: float = 3.2


def front(decision: Decision) -> str:
    """The model that the report is about: the chosen one, or else the one with the largest gain."""
    gains = {one["name"]: one["gain"] for one in decision["candidates"]}
    return str(decision["best"] or max(gains, key=lambda name: gains[name]))


def scores(decision: Decision, rows: int) -> Figure:
    """Every candidate against the baselines."""
    found = pd.DataFrame(decision["candidates"])
    found = found.assign(label=found["name"], model=found["name"])
    caption = (
        f"{decision['metric']} on {rows} test rows, with intervals of {100 * decision['confidence']:g} %. "
        f"Good: the blue one lies {_side(decision)} of the dummy's and does not overlap it."
    )
    return _intervals("Scores", caption, found, decision)


def slices(decision: Decision) -> list[Figure]:
    """The model, the dummy and the champion in each slice; in the largest ones where there are many."""
    if not decision["slices"]:
        return []
    found = pd.DataFrame(decision["slices"]).rename(columns={"candidate": "model"})
    largest = found.drop_duplicates("slice").nlargest(MOST, "rows")["slice"]
    left_out = found["slice"].nunique() - len(largest)
    found = found[found["slice"].isin(largest) & found["model"].isin(["dummy", "champion", front(decision)])]
    found = found.assign(label=found["slice"].mask(~found["judged"].astype(bool), "* " + found["slice"]))
    caption = f"Good: blue lies {_side(decision)} of grey in every slice, and none is far behind the others."
    caption += "" if found["judged"].all() else " A slice with * has too few rows to be judged."
    caption += f" The {left_out} smallest slices are left out." if left_out else ""
    return [_intervals("Slices", caption, found, decision)]


def importance(decision: Decision, changes: Mapping[str, Mapping[str, float]]) -> list[Figure]:
    """How much worse the model is without a modality."""
    metric = decision["metric"]
    worse = {modality: -_sign(decision) * change[metric] for modality, change in changes.items()}
    caption = (
        f"How much worse {metric} gets when the values of one modality are dealt out to other rows. "
        "Good: every bar is clear of zero, and none is so long that it must know the answer."
    )
    alt = "; ".join(f"{modality} {change:.3f}" for modality, change in worse.items())
    draw = partial(plots.bars, found=worse, axis=f"{metric}, worse by")
    return [Figure(f"What {front(decision)} reads", caption, alt, draw, 0.8 + 0.3 * len(worse))] if worse else []


def calibration(target: pd.Series, answers: Answers) -> Figure:
    """Whether probabilities are what they say."""
    from sklearn.calibration import calibration_curve

    curves = {}
    for name, frame in answers.items():
        right = _words(target.loc[frame.index]) == _words(frame["prediction"])
        sure = frame.filter(regex="^p:").max(axis="columns").fillna(0).clip(0, 1)
        bins = int(np.clip(len(frame) // 50, 1, 10))
        curves[name] = calibration_curve(right.to_numpy(), sure.to_numpy(), n_bins=bins, strategy="quantile")
    caption = (
        "How often the answer was right, by the probability that was given to it. "
        "Good: dots on the dashed line; below it the model is too sure of itself."
    )
    told = [f"{name} {said:.2f} and {came:.2f}" for name, two in curves.items() for came, said in zip(*two, strict=True)]
    alt = f"probability and share that was right: {'; '.join(told)}"
    return Figure("Calibration", caption, alt, partial(plots.calibration, curves=curves))


def confusion(target: pd.Series, name: str, answers: pd.DataFrame) -> Figure:
    """What is taken for what; of many classes, those that are missed or wrongly answered most often."""
    from sklearn.metrics import confusion_matrix

    truth, said = _words(target.loc[answers.index]), _words(answers["prediction"])
    counts, classes = truth.value_counts(), sorted({*truth, *said})
    caption = "Of the rows of each class, the share that got each answer. Good: a strong diagonal and little beside it."
    if len(classes) > MOST:
        caption += f" Of {len(classes)} classes, {MOST} that were missed or wrongly answered most often."
        missed, wrong = (one[truth != said].value_counts().index for one in (truth, said))
        classes = list(dict.fromkeys([*missed[: MOST // 2], *wrong[: MOST // 2], *missed, *counts.index]))[:MOST]
    found = confusion_matrix(truth, said, labels=classes) / counts.reindex(classes, fill_value=1).to_numpy()[:, None]
    return _grid(f"Answers of {name}", caption, pd.DataFrame(found, classes, classes), "answer")


def residuals(target: pd.Series, name: str, answers: pd.DataFrame) -> Figure:
    """Where the answers are too high or too low."""
    said = answers["prediction"].to_numpy(dtype=float)
    left = target.loc[answers.index].to_numpy(dtype=float) - said
    known = np.isfinite(left)
    caption = "Truth minus answer, by answer; the stronger the colour, the more rows. Good: a level band round the line."
    quarters = (f"{value:.3g}" for value in np.percentile(left[known], [25, 50, 75]))
    alt = f"quartiles of truth minus answer: {', '.join(quarters)}"
    return Figure(f"Residuals of {name}", caption, alt, partial(plots.cloud, x=said[known], y=left[known]))


def routes(segment: pd.Series, name: str, answers: pd.DataFrame) -> list[Figure]:
    """Where the rows of each segment were sent."""
    if "route" not in answers or answers["route"].isna().all():
        return []
    known = segment.loc[answers.index].fillna("(unknown)")
    known = known[known.isin(known.value_counts().index[:MOST])]
    shares = pd.crosstab(known, answers["route"].loc[known.index], normalize="index")
    caption = "Of the rows of each segment, the share that went to each specialist. Good: a strong diagonal, no strong column."
    return [_grid(f"Routes of {name}", caption, shares, "specialist")]


def _words(values: pd.Series) -> pd.Series:
    """Values by which classes can be compared, whatever type each side was read in."""
    return values.astype(object).map(str)


def _intervals(title: str, caption: str, found: pd.DataFrame, decision: Decision) -> Figure:
    told = zip(*(found[name] for name in ("label", "model", "score", "low", "high")), strict=True)
    words = (f"{short(label)}, {model}: {score:.3f} ({low:.3f} to {high:.3f})" for label, model, score, low, high in told)
    axis = f"{decision['metric']}, better to the {_side(decision)}"
    lines = found["label"].nunique()
    draw = partial(plots.intervals, found=found, front=front(decision), axis=axis)
    return Figure(title, caption, "; ".join(words), draw, 0.9 + 0.15 * (lines + len(found)))


def _grid(title: str, caption: str, shares: pd.DataFrame, across: str) -> Figure:
    alt = "; ".join(f"{short(name)}: {100 * row.max():.0f} % {short(row.idxmax())}" for name, row in shares.iterrows())
    return Figure(title, caption, alt, partial(plots.grid, shares=shares, across=across), 1.5 + 0.22 * len(shares))


def _sign(decision: Decision) -> int:
    return 1 if METRICS[decision["metric"]].greater_is_better else -1


def _side(decision: Decision) -> str:
    return "right" if _sign(decision) > 0 else "left"
