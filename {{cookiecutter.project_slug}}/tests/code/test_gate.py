"""The gate: who may answer, who may not, and the sentence that says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.gate import Gate, calibration_error
from {{ cookiecutter.package_name }}.sections import Data
from {{ cookiecutter.package_name }}.sections import Gate as Rules
from {{ cookiecutter.package_name }}.settings import SettingsError

DATA = Data(rows="rows", task="classification", entity="who", target="what", segment="age")
ROWS = 400


def rows() -> pd.DataFrame:
    """Half of the people are old; what they pick has nothing to do with it."""
    rng = np.random.default_rng(0)
    target, age = rng.choice(["no", "yes"], ROWS), np.where(np.arange(ROWS) < ROWS // 2, "old", "young")
    return pd.DataFrame(dict(target=target, group=np.arange(ROWS), segment=age, **{"slice:device": "tv"}))


def model(right: Any, sure: float = 0.8, seed: int = 1) -> pd.DataFrame:
    """A model that is right in that share of the rows, one share or one of each row, and says that it is so sure."""
    truth = rows()["target"].to_numpy()
    hit = np.random.default_rng(seed).random(ROWS) < right
    said = np.where(hit, truth, np.where(truth == "yes", "no", "yes"))
    yes = np.where(said == "yes", sure, 1 - sure)
    return pd.DataFrame({"prediction": said, "p:no": 1 - yes, "p:yes": yes})


def dummy() -> pd.DataFrame:
    """Half and half."""
    return model(0.5, 0.5)


def judged(answers: dict[str, pd.DataFrame], data: Data = DATA, size: float = 1.0, **rules: Any) -> Gate:
    """The gate, with the dummy before those answers; the metric is the log-loss unless told otherwise."""
    whole = {"dummy": dummy(), **answers}
    return Gate(Rules(**{"metric": "log_loss", **rules}), data, rows(), whole, dict.fromkeys(whole, size))


def test_the_best_wins() -> None:
    """By a metric of which less is better, and by one of which more is."""
    answers = {"linear": model(0.7, 0.7), "single": model(0.9, 0.9)}

    for metric in ("log_loss", "accuracy"):
        assert ("single", True, f"single is best by {metric}") == judged(answers, metric=metric).choice()


def test_of_two_that_chance_parts_the_simpler_wins() -> None:
    """A model that is better by a row or two is not better."""
    close = model(np.where(np.arange(ROWS) < 8, 1.0, 0.8))
    name, better, why = judged({"linear": model(0.8), "single": close}).choice()

    assert ("linear", True) == (name, better)
    assert why == "linear is the simplest of those that single, best by log_loss, beats by chance at most"


def test_who_does_not_beat_the_dummy_beyond_chance_is_refused() -> None:
    """A coin with an opinion is no model; the sentence holds the interval."""
    found = judged({"linear": model(0.52, 0.52)}).choice()

    assert found[:2] == (None, False)
    assert "no model may answer: the best, linear, does not beat the dummy by more than 0 beyond chance: " in found[2]


def test_the_gain_that_is_asked_for_is_held() -> None:
    """In units of the metric."""
    answers = {"linear": model(0.8, 0.8)}

    assert "linear" == judged(answers, min_gain=0.05).choice()[0]
    assert judged(answers, min_gain=0.5).choice()[0] is None
    against = {"linear": model(0.9, 0.9), "champion": model(0.8, 0.8)}
    assert [True, False] == [judged(against, min_gain=least).choice()[1] for least in (0.05, 0.3)]


def test_a_champion_stays_until_one_is_better() -> None:
    """A candidate as good, one that is worse and one that is better beyond chance."""
    champion = model(0.8, seed=2)

    for right, sure, expected in ((0.8, 0.8, False), (0.7, 0.7, False), (0.95, 0.95, True)):
        _, better, why = judged({"linear": model(right, sure), "champion": champion}).choice()
        assert expected == better
        assert expected == ("linear is best by log_loss, and better than the champion: 0." in why)


def test_a_champion_is_compared_on_rows_that_it_has_not_seen() -> None:
    """Here, it was asked about a quarter of them alone."""
    champion = model(1.0, 0.99)[: ROWS // 4]
    gate = judged({"linear": model(0.95, 0.9), "champion": champion})

    assert gate.comparison.gain("linear", "champion").value == pytest.approx(
        gate.comparison.score("champion").value - gate.comparison.score("linear", champion.index).value
    )
    assert not gate.choice()[1]


def test_a_hurt_slice_stops_a_model() -> None:
    """Better on the whole, and worse for the old than the dummy or the champion."""
    old = np.arange(ROWS) < ROWS // 2
    hurts = model(np.where(old, 0.3, 1.0), 0.7)
    (reason,) = judged({"single": hurts}, metric="accuracy").verdicts["single"].refused
    assert reason.startswith("is worse than the dummy where age = old: -")
    kept = model(np.where(old, 0.65, 1.0), 0.75)
    reasons = judged({"single": kept, "champion": model(0.85, 0.85, seed=3)}).verdicts["single"].refused
    assert [True] == [reason.startswith("is worse than the champion where age = old: -") for reason in reasons]

    assert () == judged({"single": kept, "champion": model(0.85, 0.85, seed=3)}, max_slice_loss=0.5).verdicts["single"].refused


def test_a_small_slice_is_shown_and_not_judged() -> None:
    """Of 200 old people it tells nothing where 201 are asked for."""
    old = np.arange(ROWS) < ROWS // 2
    gate = judged({"single": model(np.where(old, 0.3, 1.0), 0.7)}, metric="accuracy", min_slice=ROWS // 2 + 1)

    assert () == gate.verdicts["single"].refused
    floored = judged({"single": model(0.9)}, metric="accuracy", min_slice=ROWS // 2 + 1, floor=0.99)
    assert () == floored.verdicts["single"].refused
    assert {("age = old", False), ("age = young", False)} == {(row["slice"], row["judged"]) for row in gate.slice_rows()}


def test_a_floor_is_a_floor_in_every_slice() -> None:
    """Above it on the whole, below it for the old."""
    old = np.arange(ROWS) < ROWS // 2
    gate = judged({"single": model(np.where(old, 0.7, 1.0), 0.7)}, metric="accuracy", floor=0.75)

    assert [True] == [
        "does not reach the floor of 0.75 where age = old" in reason for reason in gate.verdicts["single"].refused
    ]


def test_slices_are_those_that_the_settings_name() -> None:
    """Without a name the segment; a column that is not there is refused."""
    assert {"age = old", "age = young"} == set(judged({}).slices)
    assert {"device = tv"} == set(judged({}, slices=("device",)).slices)
    assert {} == judged({}, data=DATA.model_copy(update={"segment": None})).slices
    with pytest.raises(SettingsError, match=r"gate\.slices names 'planet', expected data.segment or one of columns.categories"):
        judged({}, slices=("planet",))


def test_a_boaster_is_refused() -> None:
    """Right in two of three rows and sure in all of them."""
    (reason,) = judged({"single": model(0.66, 0.99)}, metric="accuracy").verdicts["single"].refused

    assert reason.startswith("has a calibration error of 0.3")
    assert () == judged({"single": model(0.66, 0.66)}, metric="accuracy").verdicts["single"].refused


def test_calibration_is_the_distance_of_said_from_true() -> None:
    """A model that says .8 and is right in .8 has next to none, and a regression has no such thing."""
    assert calibration_error(rows()["target"], model(0.8, 0.8)) == pytest.approx(0, abs=0.06)
    assert calibration_error(rows()["target"], model(0.5, 0.9)) == pytest.approx(0.4, abs=0.06)
    assert calibration_error(rows()["target"], model(0.8)[["prediction"]]) is None


def test_too_large_and_too_slow_models_are_refused() -> None:
    """Size is known of all; time is taken of the one that would be chosen, and then another one is."""
    answers = {"linear": model(0.7, 0.7), "single": model(0.9, 0.9)}
    assert "has 600.0 MB, above 500" in judged(answers, size=600_000).verdicts["single"].refused
    gate = judged(answers)
    gate.time("single", 900.0, "takes too long")

    assert "linear" == gate.choice()[0]
    assert 900.0 == gate.verdicts["single"].p95_ms


def test_routes_that_are_not_the_segments_are_refused() -> None:
    """A router of other segments, though the answers are as good as ever; noise about a useless router is none."""
    right, wrong = rows()["segment"], rows()["segment"].map({"old": "young", "young": "old"})
    chance = np.random.default_rng(0).permutation(right)

    assert () == judged({"cascade": model(0.9, 0.9).assign(route=right)}).verdicts["cascade"].refused
    assert () == judged({"cascade": model(0.9, 0.9).assign(route=chance)}).verdicts["cascade"].refused
    (reason,) = judged({"cascade": model(0.9, 0.9).assign(route=wrong)}).verdicts["cascade"].refused
    assert reason.startswith("routes 0 % of the rows as age says, and always the commonest would be 50 %: the router is not")


def test_the_verdict_is_written_down() -> None:
    """Every candidate with its score, its interval, its gain and what is held against it."""
    (first, second) = (verdict.row() for verdict in judged({"linear": model(0.8, 0.8)}).verdicts.values())

    assert ("dummy", ("is what the others have to beat",)) == (first["name"], first["refused"])
    assert second["low"] < second["score"] < second["high"]
    assert second["gain_low"] < second["gain"] < second["gain_high"]
    assert second["gain"] == pytest.approx(first["score"] - second["score"])
