"""The trial of a second model: how good its answers were beside those of the one that answers, and what to do with it.

A shadow answered the same requests, and is compared answer by answer. A candidate answered a share of the keys, and the two
are compared as samples of different people. Whoever asks every day and stops at the first good news is misled more often than
the interval says (optional stopping; Robbins, 1970): decide beforehand how many labels you wait for.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import prediction_log
from ..bundle import Bundle
from ..intervals import Comparison, Interval
from ..prediction_log import Variant
from ..refusal import Refusal
from ..settings import Settings
from .scoring import Scored, labelled, scored

CHAMPION, OTHER = "champion", "other"
VARIANTS: tuple[Variant, ...] = ("candidate", "shadow")
STOPPED = "candidate_stopped.json"  # which a server leaves in the log's folder
PLACE = ["request", "key", "place"]  # of a row among those of its request


@dataclass(frozen=True)
class Side:
    """One of the two models: how many answers it gave and how long they took, and its score on those with a label."""

    model: str
    answers: int
    middle_ms: float
    p95_ms: float
    labels: int
    score: Interval | None


@dataclass(frozen=True)
class Trial:
    """What is known of a trial.

    Args:
        variant: the part that the second model plays.
        sides: the model that answers, and the second one.
        gain: by how much the second one is better; None while labels are too few.
        verdict: what follows from it, in one sentence.
    """

    variant: Variant
    sides: tuple[Side, Side]
    gain: Interval | None
    verdict: str


def trials(settings: Settings, root: Path, champion: Bundle, other: Bundle, now: dt.datetime) -> list[Trial]:
    """What is known of a second model, as a candidate and as a shadow, as far as it was either.

    Args:
        settings: of the project.
        root: its folder.
        champion: the model that answers.
        other: the one that is tried.
        now: what was given later does not count.

    Raises:
        Refusal: it gave no answer.
    """
    folder, version = root / settings.logging.folder, other.card.version
    given = prediction_log.read(folder, None, now, columns=("at", "model", "variant"))
    found = []
    for variant in VARIANTS:
        since = given.loc[(given["model"] == version) & (given["variant"] == variant), "at"].min()
        if pd.notna(since):
            log = prediction_log.read(folder, since.to_pydatetime() - dt.timedelta(minutes=1), now)
            known = labelled(folder, [champion.card.version, version], settings.feedback.learn_from, now)
            found.append(trial(log, known, (champion, other), variant, settings, folder))
    if not found:
        raise Refusal(
            f"model {version} has answered nothing beside another one; name it in [serving.candidate] of settings.toml and wait"
        )
    return found


def stopped(folder: Path, version: str) -> str | None:
    """Why a server has stopped trying a model, if it has.

    Args:
        folder: of the log.
        version: of the model.

    Raises:
        Refusal: what it left cannot be read.
    """
    path = folder / STOPPED
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return str(told["why"]) if told["version"] == version else None
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise Refusal(f"{path} cannot be read, expected version and why as JSON; take it away to try the model again") from None


def trial(
    log: pd.DataFrame, known: pd.DataFrame, bundles: tuple[Bundle, Bundle], variant: Variant, settings: Settings, folder: Path
) -> Trial:
    """What is known of a second model that plays one part.

    Args:
        log: the answers since it was begun.
        known: the labelled ones among the answers that somebody was given.
        bundles: the model that answers, and the second one.
        variant: the part.
        settings: of the project.
        folder: of the log.
    """
    champion, other = (bundle.card.version for bundle in bundles)
    ours = log[(log["variant"] == CHAMPION) & (log["model"] == champion)]
    theirs = log[(log["variant"] == variant) & (log["model"] == other)]
    known = known[["id", "label", "labelled_at"]]
    if variant == "shadow":
        pairs = _placed(ours).merge(_placed(theirs), on=PLACE, suffixes=("", "_theirs")).merge(known, on="id")
        held = [ours.set_index("id").loc[pairs["id"]], theirs.set_index("id").loc[pairs["id_theirs"]]]
        parts = [part.rename_axis("id").reset_index().assign(label=pairs["label"].to_numpy()) for part in held]
    else:
        parts = [part.merge(known, on="id") for part in (ours, theirs)]
        parts[1].index += len(parts[0])
    metric, gate = settings.gate.metric, settings.gate
    both = zip((CHAMPION, OTHER), parts, bundles, strict=True)
    done = {name: scored(part, bundle, folder, metric) for name, part, bundle in both}
    rows = pd.concat([own.rows for own in done.values()])
    answered = {name: own.answers for name, own in done.items() if len(own.rows)}
    comparison = Comparison(metric, rows[~rows.index.duplicated()], answered, gate.confidence)
    sides = _side(ours, champion, CHAMPION, done, comparison), _side(theirs, other, OTHER, done, comparison)
    least = settings.monitoring.min_labels
    if min(side.labels for side in sides) < least:
        counts = " and ".join(str(side.labels) for side in sides)
        few = f"undecided: labelled answers that can be scored: {counts}; monitoring.min_labels = {least} are wanted of each"
        return Trial(variant, sides, None, few)
    gain = comparison.gain(OTHER, CHAMPION) if variant == "shadow" else comparison.advantage(OTHER, CHAMPION)
    return Trial(variant, sides, gain, _verdict(gain, other, sides, gate.min_gain))


def _verdict(gain: Interval, other: str, sides: tuple[Side, Side], least: float) -> str:
    if gain.low > least:
        return f"model {other} is better beyond chance, by {gain}: `models promote {other}`"
    if gain.high < 0:
        worse = Interval(-gain.value, -gain.high, -gain.low)
        return f"model {other} is worse beyond chance, by {worse}: take it back, with serving.candidate.version empty"
    counts = " and ".join(str(side.labels) for side in sides)
    return f"undecided: chance explains a gain of {gain} on {counts} labelled answers; wait for more"


def _side(log: pd.DataFrame, model: str, name: str, done: Mapping[str, Scored], comparison: Comparison) -> Side:
    labels, took = len(done[name].rows), log["milliseconds"]
    score = comparison.score(name) if labels else None
    return Side(model, len(log), float(took.median()), float(took.quantile(0.95)), labels, score)


def _placed(log: pd.DataFrame) -> pd.DataFrame:
    """The ids of answers, and by what those to the same row are found: two models answer a request's rows in one order."""
    key = log["key"].map(lambda value: None if pd.isna(value) else str(value)).astype(object)
    place = log.groupby(["request", key], dropna=False).cumcount()
    return pd.DataFrame({"id": log["id"], "request": log["request"], "key": key, "place": place})
