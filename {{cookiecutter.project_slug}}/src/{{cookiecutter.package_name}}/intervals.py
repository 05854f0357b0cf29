"""How sure a score is: the same metric on rows drawn again, all rows of a group together (bootstrap; Efron, 1979).

A metric is a function of sums over rows, and the sums of a draw are those of its groups: a thousand draws cost one product of
matrices. What the sums say of the rows as they are is what scikit-learn's metric says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from .metrics import METRICS

DRAWS = 1000
BLOCKS = 2000  # more groups than these are drawn in bundles, for a matrix of a million groups would not fit


@dataclass(frozen=True)
class Interval:
    """A score or a difference of scores, and between which bounds it lies with the confidence asked for."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:z.3f} ({self.low:z.3f} to {self.high:z.3f})"


class Comparison:
    """Answers of several models to the same rows, by one metric.

    Args:
        metric: by its name in `metrics.METRICS`.
        rows: `target` and `group` of each row.
        answers: by model, `prediction` and, in classification, a column `p:<class>` for each class; the index says of which
            rows, for a model may have seen some of them.
        confidence: of the intervals, 0 to 1.
    """

    def __init__(self, metric: str, rows: pd.DataFrame, answers: Mapping[str, pd.DataFrame], confidence: float) -> None:
        self.metric, self.rows, self.answers, self.confidence = metric, rows, answers, confidence
        self.sign = 1 if METRICS[metric].greater_is_better else -1
        self._terms = {name: _terms(metric, rows["target"], frame) for name, frame in answers.items()}
        self._draws = cache(lambda held, seed: _Draws(rows["group"].loc[list(held)].to_numpy(), seed))

    def score(self, name: str, held: pd.Index | None = None) -> Interval:
        """A model's score on all rows that it answered, or on those of them with the given numbers."""
        return self._interval(self._values(name, self._common((name,), held)))

    def gain(self, name: str, over: str, held: pd.Index | None = None) -> Interval:
        """By how much a model is better than another one on the rows that both answered; positive is better."""
        rows = self._common((name, over), held)
        return self._interval(self.sign * (self._values(name, rows) - self._values(over, rows)))

    def advantage(self, name: str, over: str) -> Interval:
        """By how much a model is better on its rows than another one on other rows, of other groups; positive is better."""
        own, others = (self._common((one,), None) for one in (name, over))
        return self._interval(self.sign * (self._values(name, own) - self._values(over, others, seed=1)))

    def _common(self, names: Sequence[str], held: pd.Index | None) -> tuple[int, ...]:
        common = self.rows.index if held is None else held
        for name in names:
            common = common.intersection(self.answers[name].index)
        return tuple(common)

    def _values(self, name: str, rows: tuple[int, ...], seed: int = 0) -> np.ndarray:
        """The metric on the rows as they are, then on each draw of them; draws of one seed belong together."""
        place = self.answers[name].index.get_indexer(pd.Index(rows))
        return _of_sums(self.metric, self._draws(rows, seed).sums(self._terms[name][place]))

    def _interval(self, values: np.ndarray) -> Interval:
        tail = 50 * (1 - self.confidence)
        low, high = np.nanpercentile(values[1:], [tail, 100 - tail])
        return Interval(float(values[0]), float(low), float(high))


class _Draws:
    """How often each group is drawn; the first draw has each of them once."""

    def __init__(self, groups: np.ndarray, seed: int) -> None:
        self.block = pd.factorize(groups)[0] % BLOCKS
        blocks = int(self.block.max(initial=0)) + 1
        drawn = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=DRAWS)
        self.counts = np.vstack([np.ones((1, blocks)), drawn])

    def sums(self, terms: np.ndarray) -> np.ndarray:
        """Sums of each draw, draws by terms."""
        blocks = self.counts.shape[1]
        by_block = np.column_stack([np.bincount(self.block, weights=term, minlength=blocks) for term in terms.T])
        return np.asarray(self.counts @ by_block)


def _terms(metric: str, target: pd.Series, answers: pd.DataFrame) -> np.ndarray:
    """What the metric adds up, rows by terms."""
    y, said = target.loc[answers.index].to_numpy(), answers["prediction"].to_numpy()
    one = np.ones(len(y))
    match metric:
        case "log_loss":
            classes = [name for name in answers if str(name).startswith("p:")]
            place = {str(name).removeprefix("p:"): column for column, name in enumerate(classes)}
            column = np.asarray([place.get(str(true), -1) for true in y])
            found = answers[classes].to_numpy()[np.arange(len(y)), column]
            return np.column_stack([-np.log(np.maximum(np.where(column < 0, 0, found), np.finfo(float).eps)), one])
        case "accuracy":
            return np.column_stack([y == said, one])
        case "balanced_accuracy":
            of = np.asarray(y)[:, None] == np.unique(np.asarray(target))
            return np.column_stack([of & (y == said)[:, None], of]).astype(float)
        case "rmse":
            return np.column_stack([(y - said) ** 2, one])
        case "mae":
            return np.column_stack([np.abs(y - said), one])
    centred = y - target.mean()  # r2, in numbers that are not large beside their differences
    return np.column_stack([(y - said) ** 2, centred**2, centred, one])


def _of_sums(metric: str, sums: Any) -> np.ndarray:
    """The metric of each row of sums; NaN where it has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        match metric:
            case "balanced_accuracy":
                hits, rows = np.hsplit(sums, 2)
                return np.asarray(np.nanmean(np.where(rows > 0, hits / rows, np.nan), axis=1))
            case "r2":
                errors, squares, total, rows = sums.T
                return np.asarray(1 - errors / (squares - total**2 / rows))
        mean = sums[:, 0] / sums[:, 1]
        return np.asarray(np.sqrt(mean) if metric == "rmse" else mean)
