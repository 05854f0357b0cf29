"""Intervals: the score in the middle is scikit-learn's, and rows of one group count as what they are, one piece of news."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.intervals import BLOCKS, Comparison, Interval
from {{ cookiecutter.package_name }}.metrics import METRICS, scores

CLASSES = ["a", "b", "c"]


def world(rows: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three classes, and a model that is right a little more often than not; each row is a group of its own."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([1, 1, 1], rows)
    target = np.where(rng.random(rows) < 0.5, np.asarray(CLASSES)[shares.argmax(axis=1)], rng.choice(CLASSES, rows))
    described = pd.DataFrame({"target": target, "group": np.arange(rows)})
    answers = pd.DataFrame(shares, columns=[f"p:{name}" for name in CLASSES])
    answers.insert(0, "prediction", np.asarray(CLASSES)[shares.argmax(axis=1)])
    return described, answers


def numbers(rows: int = 300, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Large numbers, and a model that is off by about one."""
    rng = np.random.default_rng(seed)
    target = 1e6 + rng.normal(size=rows)
    described = pd.DataFrame({"target": target, "group": np.arange(rows)})
    return described, pd.DataFrame({"prediction": target + rng.normal(size=rows)})


@pytest.mark.parametrize("name", METRICS)
def test_the_score_is_scikit_learns(name: str) -> None:
    """Though it is put together from sums."""
    task = METRICS[name].task
    rows, answers = world() if task == "classification" else numbers()
    shares = answers.filter(regex="^p:").to_numpy() if task == "classification" else None
    expected = scores(task, rows["target"].to_numpy(), answers["prediction"].to_numpy(), shares, CLASSES)[name]

    found = Comparison(name, rows, {"model": answers}, 0.95).score("model")

    assert expected == pytest.approx(found.value, rel=1e-9)
    assert found.low < found.value < found.high
    assert found == Comparison(name, rows, {"model": answers}, 0.95).score("model")  # whoever asks again is told the same


def test_a_class_never_seen_costs_what_scikit_learn_says() -> None:
    """A truth that the model knows no probability of had the smallest there is."""
    rows, answers = world()
    rows.loc[0, "target"] = "z"
    shares, said = answers.filter(regex="^p:").to_numpy(), answers["prediction"].to_numpy()
    expected = scores("classification", rows["target"].to_numpy(), said, shares, CLASSES)["log_loss"]

    assert expected == pytest.approx(Comparison("log_loss", rows, {"model": answers}, 0.95).score("model").value)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of 200 samples, in which the truth is known, about 90 % at a confidence of .9."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        right = rng.random(100) < 0.7
        rows = pd.DataFrame({"target": np.where(right, "a", "b"), "group": np.arange(100)})
        answers = pd.DataFrame({"prediction": ["a"] * 100, "p:a": 0.7, "p:b": 0.3})
        found = Comparison("accuracy", rows, {"model": answers}, 0.9).score("model")
        held += found.low <= 0.7 <= found.high

    assert 0.84 <= held / 200 <= 0.96


def test_rows_of_one_group_are_one_piece_of_news() -> None:
    """Every row ten times over: the interval is as wide as before if they share a group, and too narrow if not."""
    rows, answers = world(100)
    many, said = (frame.loc[frame.index.repeat(10)].reset_index(drop=True) for frame in (rows, answers))

    def width(described: pd.DataFrame, given: pd.DataFrame) -> float:
        found = Comparison("accuracy", described, {"model": given}, 0.95).score("model")
        return found.high - found.low

    assert width(rows, answers) == pytest.approx(width(many, said))
    assert width(many.assign(group=many.index), said) < width(rows, answers) / 2


def test_a_difference_is_surer_than_two_scores() -> None:
    """Two models that differ in a few rows are compared on the same draws."""
    rows, answers = world()
    better = answers.copy()
    better.loc[:20, "prediction"] = rows.loc[:20, "target"]
    both = Comparison("accuracy", rows, {"one": answers, "two": better}, 0.95)

    assert both.gain("two", "one").low > 0
    assert both.score("two").low < both.score("one").high


def test_more_is_better_where_the_metric_says_so() -> None:
    """A gain is positive for the better model, whichever way the metric points."""
    rows, answers = numbers()
    worse = answers.assign(prediction=answers["prediction"] + 3)

    for name in ("rmse", "mae", "r2"):
        assert Comparison(name, rows, {"good": answers, "bad": worse}, 0.95).gain("good", "bad").low > 0


def test_models_are_compared_on_the_rows_that_both_answered() -> None:
    """One that was asked about half of the rows is measured against the other's answers to that half."""
    rows, answers = world()
    half = answers[:150]
    both = Comparison("accuracy", rows, {"whole": answers, "half": half}, 0.95)

    assert (0.0, 0.0) == (both.gain("whole", "half").value, both.gain("whole", "half").high)
    assert both.score("whole", pd.RangeIndex(150)).value == both.score("half").value


def test_many_groups_are_drawn_in_bundles() -> None:
    """Three times as many groups as are drawn one by one cost no more, and give the interval that the formula gives."""
    rows, answers = world(3 * BLOCKS)
    found = Comparison("accuracy", rows, {"model": answers}, 0.95).score("model")
    spread = 1.96 * np.sqrt(found.value * (1 - found.value) / len(rows))

    assert 2 * spread == pytest.approx(found.high - found.low, rel=0.1)


def test_rows_are_known_by_their_index_and_not_by_their_place() -> None:
    """Rows of which some were left out have the score and the bounds that they have by themselves."""
    rows, answers = world()
    rows["group"] = np.arange(300) // 10
    held = rows.index[rows.index % 3 > 0]

    some = Comparison("accuracy", rows.loc[held], {"model": answers.loc[held]}, 0.95).score("model")
    alone = [frame.loc[held].reset_index(drop=True) for frame in (rows, answers)]
    assert some == Comparison("accuracy", alone[0], {"model": alone[1]}, 0.95).score("model")


def test_two_samples_are_apart_by_what_the_formula_says() -> None:
    """Their draws have nothing to do with each other, also where they are of one size."""
    rows, answers = world(800)
    halves = {"one": answers[:400], "other": answers[400:]}
    found = Comparison("accuracy", rows, halves, 0.95).advantage("one", "other")
    hit = (answers["prediction"] == rows["target"]).to_numpy()
    spread = 1.96 * np.sqrt(sum(half.mean() * (1 - half.mean()) / 400 for half in (hit[:400], hit[400:])))

    assert hit[:400].mean() - hit[400:].mean() == pytest.approx(found.value)
    assert 2 * spread == pytest.approx(found.high - found.low, rel=0.1)


def test_nothing_has_no_sign() -> None:
    """What rounds to nothing is shown without a minus."""
    assert "0.000 (0.000 to 0.001)" == str(Interval(-0.0001, -0.0004, 0.001))
