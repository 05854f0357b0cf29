"""Quality: labelled answers beside the test rows, and no alarm that chance in one of the two explains."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from answered import HOUR, entries, logged, told, unseen
from sklearn.metrics import log_loss, root_mean_squared_error

from {{ cookiecutter.package_name }}.card import Card, Measured
from {{ cookiecutter.package_name }}.gate import Gate
from {{ cookiecutter.package_name }}.intervals import Comparison, Interval
from {{ cookiecutter.package_name }}.monitoring.quality import latest, loss, periods, quality
from {{ cookiecutter.package_name }}.monitoring.scoring import Scored, labelled, scored
from {{ cookiecutter.package_name }}.operations import Monitoring
from {{ cookiecutter.package_name }}.sections import Gate as Rules
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

NOW = dt.datetime(2026, 5, 8, 12, tzinfo=dt.UTC)
RULES, GATE = Monitoring(), Rules(metric="accuracy")


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the run project without a log, to change."""
    left_out = shutil.ignore_patterns("monitoring", "predictions")
    return Path(shutil.copytree(root, tmp_path / "project", symlinks=True, ignore=left_out))


def right(share: Any, rows: int = 400, seed: int = 0, **log: Any) -> Scored:
    """Answers that are right in that share of the rows, one share or one of each; a row is a person."""
    hit = np.random.default_rng(seed).random(rows) < share
    target = pd.DataFrame({"target": np.where(hit, "yes", "no"), "group": np.arange(rows).astype(str)})
    whole = {"inputs": [{}] * rows, "answer": [{}] * rows, "route": [None] * rows, **log}
    at = [NOW - (rows - number) * HOUR for number in range(rows)]
    return Scored(target, pd.DataFrame({"prediction": ["yes"] * rows}), pd.DataFrame({"at": at, **whole}), 0)


def card_of(
    predictor: Predictor, share: float = 0.8, seed: int = 99, parts: Mapping[str, tuple[float, float, float]] | None = None
) -> Card:
    """The model's card, if so many test rows had been answered rightly."""
    own = right(share, seed=seed)
    score = Comparison("accuracy", own.rows, {"model": own.answers}, 0.95).score("model")
    all_ = (score.value, score.low, score.high)
    return predictor.bundle.card.model_copy(
        update={
            "measured": Measured(metric="accuracy", confidence=0.95, parts={"all": all_, **(parts or {})}),
            "scores": {"accuracy": 0.8},
        }
    )


def test_a_loss_beyond_chance_is_an_alarm(predictor: Predictor) -> None:
    """From .8 to .6 with four hundred labels; the figures hold both scores."""
    (found,) = quality(right(0.6), card_of(predictor), RULES, GATE)

    assert ("score: all", True, 400) == (found.name, found.alarm, found.figures["labels"])
    assert "worse by 0.1" in found.sentence or "worse by 0.2" in found.sentence
    assert float(found.figures["loss_low"] or 0) > 0


@pytest.mark.parametrize(("most", "alarm"), [(0.0, True), (0.1, True), (0.3, False)])
def test_the_settings_say_how_much_may_be_lost(predictor: Predictor, most: float, alarm: bool) -> None:
    """Beyond chance."""
    (found,) = quality(right(0.55), card_of(predictor), Monitoring(max_loss=most), GATE)

    assert alarm == found.alarm


def test_better_is_no_alarm(predictor: Predictor) -> None:
    """However much."""
    (found,) = quality(right(0.99), card_of(predictor), RULES, GATE)

    assert (False, True) == (found.alarm, "better by 0." in found.sentence)


def test_few_labels_say_nothing(predictor: Predictor) -> None:
    """Not even that all answers were wrong."""
    (found,) = quality(right(0.0, rows=49), card_of(predictor), RULES, GATE)

    assert ("score: labels", False) == (found.name, found.alarm)
    assert found.sentence.startswith("labelled answers: 49, and fewer than monitoring.min_labels = 50 say nothing")


def test_what_is_lost_is_found_and_seldom_anything_else(predictor: Predictor) -> None:
    """Of 40 samples as good as the test rows were, themselves a sample, at most 2 alarm; of those that lost .2, at least 38."""
    same = [quality(right(0.8, seed=seed), card_of(predictor, seed=1000 + seed), RULES, GATE)[0].alarm for seed in range(40)]
    lost = [quality(right(0.6, seed=seed), card_of(predictor, seed=1000 + seed), RULES, GATE)[0].alarm for seed in range(40)]

    assert sum(same) <= 2
    assert sum(lost) >= 38


def test_the_bounds_of_a_loss_hold_the_truth_as_often_as_they_say() -> None:
    """Of 300 pairs of samples of sizes far apart, about 95 %."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(300):
        means = [rng.normal(mean, 1, size).mean() for mean, size in ((1.0, 50), (0.6, 800))]
        now, then = (
            Interval(mean, mean - 1.96 / size**0.5, mean + 1.96 / size**0.5)
            for mean, size in zip(means, (50, 800), strict=True)
        )
        found = loss(now, then, greater_is_better=False, confidence=0.95, looks=1)
        held += found.low < 0.4 < found.high

    assert 0.92 <= held / 300 <= 0.98


def test_up_is_better_or_worse_as_the_metric_has_it() -> None:
    """And with more looks the bounds are wider."""
    now, then = Interval(0.6, 0.5, 0.65), Interval(0.8, 0.7, 0.82)

    one = loss(now, then, greater_is_better=True, confidence=0.95, looks=1)
    other = loss(now, then, greater_is_better=False, confidence=0.95, looks=1)
    assert 0.2 == pytest.approx(one.value)
    assert -0.2 == pytest.approx(other.value)
    assert np.hypot(0.05, 0.1) == pytest.approx(one.value - one.low)
    assert np.hypot(0.1, 0.02) == pytest.approx(one.high - one.value)
    more = loss(now, then, greater_is_better=True, confidence=0.95, looks=10)
    assert more.low < one.low < one.high < more.high


def test_a_slice_that_is_lost_is_named(predictor: Predictor) -> None:
    """By the segment where it was given, by the route where it was not; a slice that was not tested is not judged."""
    card = card_of(predictor, parts=dict.fromkeys(["age = old", "route = old"], (0.8, 0.76, 0.84)))
    card = card.model_copy(update={"data": card.data.model_copy(update={"segment": "age"})})
    old, given = np.arange(400) % 2 == 0, np.arange(400) % 4 < 2
    segment = [{"age": "old" if is_old else "young"} for is_old in old]  # which the model reads, whether it is told or not
    answer = [{"route_source": "given" if told else "predicted"} for told in given]
    route = np.where(old, "old", "young")
    scored = right(np.where(old & given, 0.3, 0.8), inputs=segment, answer=answer, route=route)
    found = {one.name: one for one in quality(scored, card, RULES, GATE)}

    assert {"score: all", "score: age = old", "score: route = old"} == set(found)
    assert (True, False) == (found["score: age = old"].alarm, found["score: route = old"].alarm)
    assert [100, 100] == [found[f"score: {name} = old"].figures["labels"] for name in ("age", "route")]


def test_a_metric_that_was_not_tested_is_told_and_not_judged(predictor: Predictor) -> None:
    """As after a change of gate.metric, of which the card knows the score without its bounds, or nothing."""
    card = card_of(predictor).model_copy(update={"measured": None})
    without = card.model_copy(update={"scores": {}})

    assert [True, False] == [quality(right(0.5), one, RULES, GATE)[0].alarm for one in (card, without)]
    assert "on the test rows it was not measured by accuracy" in quality(right(0.5), without, RULES, GATE)[0].sentence


def test_what_could_not_be_scored_is_counted(predictor: Predictor) -> None:
    """In the sentence about all of them."""
    whole = right(0.8)
    (found,) = quality(Scored(whole.rows, whole.answers, whole.log, 7), card_of(predictor), RULES, GATE)

    assert found.sentence.endswith("; 7 more could not be scored, for their inputs were not kept")


def test_time_goes_on_in_parts_of_equal_size(predictor: Predictor) -> None:
    """After the test rows; none where labels are few."""
    found = periods(right(0.8), card_of(predictor), GATE, 50)

    assert ["test rows", "from 2026-04-21 20:00"] == [label for label, _ in found][:2]
    assert 9 == len(found)
    assert [] == periods(right(0.8, rows=49), card_of(predictor), GATE, 50)


def test_labels_of_the_window_are_looked_at_or_else_the_newest() -> None:
    """As many as say something."""
    hours = np.arange(200, 0, -1)
    log = pd.DataFrame({"labelled_at": [NOW - int(back) * HOUR for back in hours]})

    assert 50 == len(latest(log, NOW, RULES))
    assert hours[latest(log, NOW, RULES).index].max() == 50
    assert 99 == len(latest(log, NOW, Monitoring(hours=100)))


def test_a_score_is_that_of_the_answers_that_were_given(copy: Path, settings: Settings, predictor: Predictor) -> None:
    """Told segments and stored features included; scikit-learn says the same of what the model says."""
    rows = unseen(copy, settings).head(60)
    ids = logged(copy, settings, predictor, entries(predictor, rows, NOW))
    told(copy, settings, ids, rows[settings.data.target].tolist(), NOW)
    log = labelled(copy / settings.logging.folder, [predictor.bundle.card.version], ["observed"], NOW)
    model, classes = predictor.bundle.pipeline[-1], list(predictor.bundle.card.classes or ())
    metric = "log_loss" if classes else "rmse"
    found = scored(log, predictor.bundle, copy / settings.logging.folder, metric)

    inputs = predictor.answered(rows, NOW)[1][list(predictor.bundle.card.columns.names)]
    known = {"segment": rows[settings.data.segment].to_numpy()} if hasattr(model, "route") else {}
    encoded, truth = predictor.bundle.pipeline[0].transform(inputs), rows[settings.data.target]
    if classes:
        expected = log_loss(truth.astype(str), model.predict_proba(encoded, **known), labels=classes)
    else:
        expected = root_mean_squared_error(truth, model.predict(encoded))
    assert expected == pytest.approx(Comparison(metric, found.rows, {"model": found.answers}, 0.95).score("model").value)
    assert rows[settings.data.entity].astype(str).tolist() == found.rows["group"].tolist()


def test_only_what_was_given_and_observed_counts(copy: Path, settings: Settings, predictor: Predictor) -> None:
    """Not what the answer brought about, nor a shadow, another model, or what came later."""
    rows, version, folder = unseen(copy, settings).head(10), predictor.bundle.card.version, copy / settings.logging.folder
    given = entries(predictor, rows, NOW)
    shadow = [replace(one, variant="shadow") for one in given]
    ids, hidden = (logged(copy, settings, predictor, some) for some in (given, shadow))
    told(copy, settings, ids[:4], ["x"] * 4, NOW - HOUR)
    told(copy, settings, ids[4:7], ["x"] * 3, NOW - HOUR, "model")
    told(copy, settings, ids[7:], ["x"] * 3, NOW + HOUR)
    told(copy, settings, hidden, ["x"] * 10, NOW - HOUR)

    found = labelled(folder, [version], settings.feedback.learn_from, NOW)
    assert ids[:4] == found["id"].tolist()
    assert [] == labelled(folder, ["another"], settings.feedback.learn_from, NOW)["id"].tolist()
    assert ids[2:4] == labelled(folder, [version], ["observed"], NOW, most=2)["id"].tolist()


def test_of_masked_rows_a_log_loss_says_nothing_and_an_accuracy_does(
    copy: Path, settings: Settings, predictor: Predictor
) -> None:
    """The answer is known, and what it was made of is not."""
    rows = unseen(copy, settings).head(10)
    ids = logged(copy, settings, predictor, entries(predictor, rows, NOW))
    told(copy, settings, ids, rows[settings.data.target].tolist(), NOW)
    log = labelled(copy / settings.logging.folder, [predictor.bundle.card.version], ["observed"], NOW)
    name = predictor.bundle.card.columns.names[0]
    log["masked"] = pd.Series([[name] if number < 3 else [] for number in range(10)], dtype=object)
    parts = [scored(log, predictor.bundle, copy / settings.logging.folder, metric) for metric in ("log_loss", "accuracy")]

    assert [(7, 3), (10, 0)] == [(len(part.rows), part.left_out) for part in parts]


def test_classes_have_one_name_whatever_json_made_of_them(predictor: Predictor, tmp_path: Path) -> None:
    """A model whose classes are 1 and 2 says 1.0 in a log that someone labels with 1."""
    bundle = replace(predictor.bundle, card=predictor.bundle.card.model_copy(update={"classes": ("1", "2")}))
    columns = {"id": ["a", "b", "c"], "key": [1, 2, None], "label": [1, 2.0, "1"], "masked": [[], [], []]}
    log = pd.DataFrame(columns | {"answer": [{"prediction": 1.0}, {"prediction": "2"}, {"prediction": 2}]}, dtype=object)
    found = scored(log, bundle, tmp_path, "accuracy")

    assert [True, True, False] == (found.rows["target"] == found.answers["prediction"]).tolist()
    assert 3 == found.rows["group"].nunique()


def test_the_card_knows_what_was_tested(root: Path, settings: Settings, predictor: Predictor) -> None:
    """Over all rows and in each slice, by the metric that decides, as the gate has measured it."""
    known, rows = predictor.bundle.card.measured, pd.read_parquet(root / "artifacts" / "evaluate" / "rows.parquet")
    name = predictor.bundle.card.candidate
    answers = {name: pd.read_parquet(root / "artifacts" / "evaluate" / "answers" / f"{name}.parquet")}
    gate = Gate(settings.gate, settings.data, rows, {"dummy": answers[name], **answers}, {"dummy": 1, name: 1})
    score = gate.comparison.score(name)

    assert known is not None
    assert (settings.gate.metric, score.value, score.low, score.high) == (known.metric, *known.parts["all"])
    assert {"all", *gate.slices} <= set(known.parts)
    routed = "route" in answers[name]
    assert routed == (known.routed is not None) == any(part.startswith("route = ") for part in known.parts)
    if known.routed is not None:
        share = (rows["segment"] == answers[name]["route"]).mean()
        assert share == pytest.approx(known.routed[0])
        assert known.routed[1] <= share <= known.routed[2]
