"""Plots as SVG, as wide as a phone so that their letters can be read there.

The same numbers give the same bytes, whatever matplotlib's settings on this machine; it is imported once something is drawn.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 4.2  # inches, of 72 points each
LOOK = {"font.size": 9, "font.sans-serif": ["DejaVu Sans"], "svg.fonttype": "none", "svg.hashsalt": "report"}
# A price in a name is no formula.
LOOK |= {"axes.spines.top": False, "axes.spines.right": False, "date.converter": "concise", "text.parse_math": False}
MARKS = {"dummy": ("0.5", "s"), "champion": ("tab:orange", "D")}
MARK = ("tab:blue", "o")
WRITTEN = 8  # columns at most of a grid that has room for numbers in its cells
BINS = 40  # on each side of a cloud, at most
LONG = 22  # characters of a name


def svg(draw: Callable[[Axes], None], height: float) -> bytes:
    """What `draw` puts on its axes; the height is in inches."""
    from matplotlib import style
    from matplotlib.figure import Figure

    file = io.BytesIO()
    with style.context(LOOK, after_reset=True), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that its font lacks are in another one of the reader's
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure.subplots())
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return file.getvalue()


def intervals(axes: Axes, found: pd.DataFrame, front: str, axis: str) -> None:
    """Values between their bounds: a line for each `label`, on it a dot for each `model`.

    Args:
        axes: to draw on.
        found: `label`, `model`, `score`, `low` and `high`.
        front: the model that stands out where each has a line of its own; else a legend tells them apart.
        axis: what the values are.
    """
    labels = list(dict.fromkeys(found["label"]))
    place, of = found.groupby("label").cumcount(), found.groupby("label")["label"].transform("size")
    found = found.assign(y=found["label"].map(labels.index) + 0.25 * (place - (of - 1) / 2))
    shared = of.max() > 1
    for name, own in found.groupby("model", sort=False):
        colour, mark = MARKS.get(str(name), MARK) if shared or name == front else MARKS["dummy"]
        axes.hlines(own["y"], own["low"], own["high"], color=colour, linewidth=2)
        axes.plot(own["score"], own["y"], mark, color=colour, label=short(name))
    if shared:
        axes.figure.legend(loc="outside upper center", ncols=3, frameon=False)
    _down(axes, labels, axis)


def bars(axes: Axes, found: Mapping[str, float], axis: str) -> None:
    """A bar for each name."""
    axes.barh(range(len(found)), list(found.values()), color=MARK[0], height=0.6)
    axes.axvline(0, color="black", linewidth=0.8)
    _down(axes, list(found), axis)


def calibration(axes: Axes, curves: Mapping[str, Sequence[np.ndarray]]) -> None:
    """For each model, how often it was right where it was how sure."""
    axes.plot([0, 1], [0, 1], "--", color="0.45", linewidth=1)
    for name, (right, sure) in curves.items():
        colour, mark = MARKS.get(name, MARK)
        axes.plot(sure, right, f"{mark}-", color=colour, label=short(name))
    axes.set(xlabel="probability of the answer", ylabel="share that was right", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left", frameon=False)


def grid(axes: Axes, shares: pd.DataFrame, across: str) -> None:
    """Shares from 0 to 1, the stronger the colour the more."""
    axes.imshow(shares.to_numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    _down(axes, list(shares.index), across)
    axes.set_xticks(range(shares.shape[1]), [short(name) for name in shares], rotation=45, ha="right", rotation_mode="anchor")
    if shares.shape[1] <= WRITTEN:
        for (row, column), share in np.ndenumerate(shares.to_numpy()):
            axes.text(column, row, f"{100 * share:.0f} %", ha="center", va="center", color="white" if share > 0.5 else "black")


def beside(axes: Axes, shares: pd.DataFrame) -> None:
    """A bar per column for each name, from 0 to 1; the first column is what was, the second what is."""
    for place, (name, own) in enumerate(shares.items()):
        at = np.arange(len(own)) + 0.38 * (place - 0.5)
        axes.barh(at, own.to_numpy(), height=0.36, color=(MARKS["dummy"][0], MARK[0])[place], label=short(name))
    axes.figure.legend(loc="outside upper center", ncols=2, frameon=False)
    _down(axes, list(shares.index), "share")


def spreads(axes: Axes, values: Mapping[str, np.ndarray], axis: str) -> None:
    """How numbers are spread, what was and what is; those far outside stand at the border."""
    low, high = np.percentile(every := np.concatenate(list(values.values())), [0.5, 99.5])
    bounds = np.linspace(low, high if high > low else low + 1, BINS // 2 + 1)
    if high - low < BINS and (every == every.round()).all():  # whole numbers: of other bins some would hold two
        bounds = np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    for (name, own), colour in zip(values.items(), (MARKS["dummy"][0], MARK[0]), strict=True):
        counts, _ = np.histogram(np.clip(own, bounds[0], bounds[-1]), bounds)
        axes.stairs(counts / len(own), bounds, color=colour, fill=colour != MARK[0], linewidth=1.5, label=short(name))
    axes.figure.legend(loc="outside upper center", ncols=2, frameon=False)
    axes.set(xlabel=short(axis), ylabel="share")


def over_time(axes: Axes, counts: pd.Series) -> None:
    """A step for each span of time; the index is when it began."""
    from matplotlib.dates import AutoDateLocator

    width = counts.index[1] - counts.index[0] if len(counts) > 1 else pd.Timedelta(hours=1)
    axes.stairs(counts.to_numpy(), [*counts.index, counts.index[-1] + width], color=MARK[0], fill=True)
    axes.xaxis.set_major_locator(AutoDateLocator(maxticks=6))  # type: ignore[no-untyped-call] # more run into each other


def cloud(axes: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """How many points lie where, the stronger the colour the more; those far outside lie on the border."""
    x, y = (np.clip(one, *np.percentile(one, [0.5, 99.5])) for one in (x, y))
    counts, columns, rows = np.histogram2d(x, y, int(np.clip(np.sqrt(len(x)) / 2, 1, BINS)))
    bounds = (columns[0], columns[-1], rows[0], rows[-1])
    axes.imshow(np.sqrt(counts.T), cmap="Blues", origin="lower", extent=bounds, aspect="auto", interpolation="nearest")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="answer", ylabel="truth - answer")


def short(name: object) -> str:
    """A name in one short line, of signs that may stand in XML."""
    line = "".join(sign if sign.isprintable() else " " for sign in str(name))
    return line if len(line) <= LONG else f"{line[: LONG - 1]}…"


def _down(axes: Axes, names: Sequence[object], across: str) -> None:
    """The first name at the top, as in a table."""
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(across)
