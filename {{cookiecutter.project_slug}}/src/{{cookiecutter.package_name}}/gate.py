"""The gate: which of the models that were tested may answer, and why the others may not.

It sees answers to held-out rows and nothing else. Between models that chance may have put in their order the simpler one wins,
and a model that answers already is replaced only by one that is better beyond chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .card import Measured
from .intervals import Comparison, Interval
from .metrics import metric
from .sections import Data
from .sections import Gate as Rules
from .settings import SettingsError

DUMMY, CHAMPION = "dummy", "champion"


@dataclass(frozen=True)
class Verdict:
    """What is held for and against a model."""

    name: str
    score: Interval
    gain: Interval
    calibration_error: float | None
    kilobytes: float
    p95_ms: float | None = None
    refused: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """As it is written down."""
        score, gain = ({"value": found.value, "low": found.low, "high": found.high} for found in (self.score, self.gain))
        told = {"name": self.name, "score": score["value"], "low": score["low"], "high": score["high"]}
        told |= {f"gain{'' if end == 'value' else f'_{end}'}": found for end, found in gain.items()}
        return told | {name: asdict(self)[name] for name in ("calibration_error", "kilobytes", "p95_ms", "refused")}


class Gate:
    """The rules of settings.toml, applied to one set of answers.

    Args:
        rules: of the settings.
        data: names the segment, which is a slice if no other is named.
        rows: `target`, `group`, and the columns that slices are made of; the index is 0, 1, 2 and so on.
        answers: by model, the simplest first; see `Comparison`.
        kilobytes: of each model's files.
        twin: the model that is the champion once more, if one is.

    Raises:
        SettingsError: a slice's column is not there.
    """

    def __init__(
        self,
        rules: Rules,
        data: Data,
        rows: pd.DataFrame,
        answers: Mapping[str, pd.DataFrame],
        kilobytes: Mapping[str, float],
        twin: str | None = None,
    ) -> None:
        self.rules, self.data, self.rows, self.answers, self.twin = rules, data, rows, answers, twin
        self.sign = 1 if metric(rules.metric, data.task).greater_is_better else -1
        self.comparison = Comparison(rules.metric, rows, answers, rules.confidence)
        self.slices = self._slices()
        self.verdicts = {name: self._verdict(name, kilobytes[name]) for name in answers if name != CHAMPION}

    def time(self, name: str, p95_ms: float, refused: str | None) -> None:
        """Add the time that a model takes, and hold it against the model if there is a sentence."""
        was = self.verdicts[name]
        self.verdicts[name] = replace(was, p95_ms=p95_ms, refused=was.refused + ((refused,) if refused else ()))

    def choice(self) -> tuple[str | None, bool, str]:
        """The model that should answer, whether it is better than the champion, and why, in one sentence."""
        fit = [name for name, verdict in self.verdicts.items() if not verdict.refused]
        if not fit:
            best = self._best([name for name in self.verdicts if name != DUMMY])
            return None, False, f"no model may answer: the best, {best}, {self.verdicts[best].refused[0]}"
        if CHAMPION not in self.answers:
            name, why = self._simplest(fit)
            return name, True, why
        gains = {name: self.comparison.gain(name, CHAMPION) for name in fit}
        better = [name for name in fit if gains[name].low > self.rules.min_gain]
        name, why = self._simplest(better or fit)
        if name == self.twin:
            return name, False, f"{why}, and is the model that answers already"
        least = f"by more than {self.rules.min_gain:g} beyond chance"
        against = "and better than the champion" if better else f"but it does not beat the champion {least}"
        return name, bool(better), f"{why}, {against}: {gains[name]}"

    def slice_rows(self) -> list[dict[str, Any]]:
        """The score of every model in every slice."""
        found = []
        for name, held in self.slices.items():
            judged = len(held) >= self.rules.min_slice
            for model, frame in self.answers.items():
                if len(frame.index.intersection(held)):
                    score = self.comparison.score(model, held)
                    row = {"slice": name, "rows": len(held), "candidate": model, "score": score.value}
                    found.append(row | {"low": score.low, "high": score.high, "judged": judged})
        return found

    def measured(self, name: str) -> Measured:
        """A model's score with its bounds, over all rows, by slice and by route, and how often its routes were right."""
        parts, frame = {"all": self.rows.index} | self.slices, self.answers[name]
        routes = frame["route"].dropna() if "route" in frame else pd.Series(dtype=object)
        parts |= {f"route = {route}": own.index for route, own in routes.groupby(routes)}
        large = {part: held for part, held in parts.items() if part == "all" or len(held) >= self.rules.min_slice}
        scores = {part: self.comparison.score(name, held) for part, held in large.items()}
        bounds = {part: (score.value, score.low, score.high) for part, score in scores.items()}
        return Measured(
            metric=self.rules.metric,
            confidence=self.rules.confidence,
            parts={part: found for part, found in bounds.items() if np.isfinite(found).all()},
            routed=self._routed(routes),
        )

    def _routed(self, routes: pd.Series) -> tuple[float, float, float] | None:
        if "segment" not in self.rows:
            return None
        known = self.rows["segment"].loc[routes.index]
        known = known[known.isin(routes)]
        if len(known) < self.rules.min_slice:
            return None
        share = agreement(known, routes.loc[known.index], self.rows["group"], self.rules.confidence)
        return share.value, share.low, share.high

    def _simplest(self, names: Sequence[str]) -> tuple[str, str]:
        """The first of these, which stand simplest first, that chance alone may have put behind the best."""
        best = self._best(names)
        for name in names:
            behind = self.comparison.gain(best, name)
            if name == best:
                return name, f"{name} is best by {self.rules.metric}"
            if behind.low <= 0:
                return (
                    name,
                    f"{name} is the simplest of those that {best}, best by {self.rules.metric}, beats by chance at most",
                )
        raise AssertionError("the best is one of them")

    def _best(self, names: Sequence[str]) -> str:
        return max(names, key=lambda name: self.sign * self.verdicts[name].score.value)

    def _verdict(self, name: str, kilobytes: float) -> Verdict:
        score, gain = self.comparison.score(name), self.comparison.gain(name, DUMMY)
        error = calibration_error(self.rows["target"], self.answers[name])
        reasons = []
        if name == DUMMY:
            reasons.append("is what the others have to beat")
        elif gain.low <= self.rules.min_gain:
            reasons.append(f"does not beat the dummy by more than {self.rules.min_gain:g} beyond chance: {gain}")
        if error is not None and error > self.rules.max_calibration_error:
            reasons.append(f"has a calibration error of {error:.3f}, above {self.rules.max_calibration_error:g}")
        if kilobytes > 1000 * self.rules.max_megabytes:
            reasons.append(f"has {kilobytes / 1000:.1f} MB, above {self.rules.max_megabytes:g}")
        if name != DUMMY:
            reasons += self._hurt_slices(name) + self._lost_routes(name)
        return Verdict(name, score, gain, error, kilobytes, refused=tuple(reasons))

    def _hurt_slices(self, name: str) -> list[str]:
        """Slices in which a model is worse than the dummy or the champion beyond chance, or below the floor."""
        reasons = []
        for place, held in self.slices.items():
            if len(held) < self.rules.min_slice:
                continue
            for other in (DUMMY, CHAMPION):
                if other not in self.answers or len(self.answers[other].index.intersection(held)) < self.rules.min_slice:
                    continue
                gain = self.comparison.gain(name, other, held)
                if gain.high < -self.rules.max_slice_loss:
                    reasons.append(f"is worse than the {other} where {place}: {gain}")
            score = self.comparison.score(name, held)
            if self.rules.floor is not None and self.sign * score.value < self.sign * self.rules.floor:
                reasons.append(f"does not reach the floor of {self.rules.floor:g} where {place}: {score}")
        return reasons

    def _lost_routes(self, name: str) -> list[str]:
        """Routes that agree with the segments less than the commonest segment would by itself."""
        frame = self.answers[name]
        if "route" not in frame or "segment" not in self.rows or frame["route"].isna().all():
            return []
        segment = self.rows["segment"].loc[frame.index]
        known = segment.isin(frame["route"].unique()).to_numpy()
        if known.sum() < self.rules.min_slice:
            return []
        agree = (frame["route"].to_numpy() == segment.to_numpy())[known]
        share, commonest = agree.mean(), segment[known].value_counts(normalize=True).iloc[0]
        if share + 2 * np.sqrt(commonest * (1 - commonest) / known.sum()) >= commonest:
            return []
        return [
            f"routes {100 * share:.0f} % of the rows as {self.data.segment} says, and always the commonest would be "
            f"{100 * commonest:.0f} %: "
            "the router is not the specialists', or the segments mean something else now"
        ]

    def _slices(self) -> dict[str, pd.Index]:
        """The rows of each slice, by a name such as `age_group = adult`."""
        found: dict[str, pd.Index] = {}
        for name in self.rules.slices or ((self.data.segment,) if self.data.segment else ()):
            column = "segment" if name == self.data.segment else f"slice:{name}"
            if column not in self.rows:
                raise SettingsError(
                    f"settings.toml: gate.slices names {name!r}, expected data.segment or one of columns.categories; change it"
                )
            groups = self.rows.groupby(column, observed=True).groups
            found |= {f"{name} = {value}": held for value, held in groups.items()}
        return found


def agreement(segment: pd.Series, route: pd.Series, group: pd.Series, confidence: float) -> Interval:
    """The share of the rows that were routed as their segment says, all rows of a group together."""
    rows = pd.DataFrame({"target": segment, "group": group.loc[segment.index]})
    return Comparison("accuracy", rows, {"router": pd.DataFrame({"prediction": route})}, confidence).score("router")


def calibration_error(target: pd.Series, answers: pd.DataFrame) -> float | None:
    """The mean distance between how sure the model was and how often it was right, over rows in order of sureness.

    None in regression. Bins hold as many rows each (Naeini et al., 2015), at least 50 of them.
    """
    from sklearn.calibration import calibration_curve

    sure = answers.filter(regex="^p:").max(axis="columns")
    if sure.empty or sure.isna().all():
        return None
    right = answers["prediction"].to_numpy() == target.loc[answers.index].to_numpy()
    bins = int(np.clip(len(sure) // 50, 1, 10))
    said, came_true = calibration_curve(right, sure.clip(0, 1), n_bins=bins, strategy="quantile")[::-1]
    return float(np.abs(said - came_true).mean())
