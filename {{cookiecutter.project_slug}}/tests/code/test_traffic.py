"""Traffic: too few answers, too many at once, and the same ones again; and what is none of these."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.monitoring import traffic
from {{ cookiecutter.package_name }}.operations import Monitoring

NOW = dt.datetime(2026, 5, 8, 12, tzinfo=dt.UTC)
DAYS = traffic.EARLIER + 1
RULES = Monitoring()


def times(*counts: int, span: float = 24.0) -> pd.Series:
    """So many answers in each span of hours before now, the newest span first, evenly; and one answer before all of them."""
    hours = [span * (number + (place + 0.5) / count) for number, count in enumerate(counts) for place in range(count)]
    hours.append(span * len(counts) + 0.1)
    return pd.Series([NOW - dt.timedelta(hours=back) for back in sorted(hours, reverse=True)])


@pytest.mark.parametrize(("hours", "alarm"), [(1, False), (23.9, False), (24.1, True)])
def test_an_answer_lately_is_no_absence(hours: float, alarm: bool) -> None:
    """Whenever the model was promoted."""
    back = dt.timedelta(hours=hours)

    assert alarm == traffic.absence(NOW - back, NOW - dt.timedelta(days=90), NOW, RULES).alarm
    assert alarm == traffic.absence(NOW - back, NOW, NOW, RULES).alarm


@pytest.mark.parametrize(("hours", "alarm"), [(1, False), (25, True)])
def test_before_the_first_answer_the_promotion_counts(hours: float, alarm: bool) -> None:
    """A model that nobody asks for a day is absent; one that was promoted an hour ago has time."""
    found = traffic.absence(None, NOW - dt.timedelta(hours=hours), NOW, RULES)

    assert (alarm, True) == (found.alarm, found.sentence.startswith("no answer was ever logged; the model was promoted"))


@pytest.mark.parametrize(("now", "alarm"), [(10, True), (0, True), (18, False), (30, False), (1000, False)])
def test_far_fewer_than_usual_is_an_alarm(now: int, alarm: bool) -> None:
    """A tenth of a hundred; not what chance may make of a fifth, nor more than usual."""
    (found,) = traffic.volume(times(now, *[100] * traffic.EARLIER), NOW, RULES)

    assert (alarm, now, 100) == (found.alarm, found.figures["answers"], found.figures["usual"])


def test_of_few_answers_fewer_is_chance() -> None:
    """None where there were three a day."""
    (found,) = traffic.volume(times(0, *[3] * traffic.EARLIER), NOW, RULES)

    assert not found.alarm


def test_one_bad_day_does_not_say_what_is_usual() -> None:
    """The middle one of the days before does."""
    (found,) = traffic.volume(times(10, 0, 0, *[100] * 5), NOW, RULES)

    assert (True, 100) == (found.alarm, found.figures["usual"])


def test_the_window_in_which_it_began_is_not_whole() -> None:
    """With half of a day before this one there is nothing to compare; with one and a half there is one day."""
    began = times(40, 40, 40)

    assert [] == traffic.volume(began[began > NOW - dt.timedelta(hours=36)], NOW, RULES)
    (found,) = traffic.volume(began[began > NOW - dt.timedelta(hours=60)], NOW, RULES)
    assert 40 == found.figures["usual"]
    assert [] == traffic.volume(began[:0], NOW, RULES)


def test_chance_alone_seldom_alarms_and_a_tenth_always() -> None:
    """Of the weeks in which nothing changed at most 5 % alarm; of those whose last day has a tenth, at least 95 %."""
    rng = np.random.default_rng(0)
    same = [times(*rng.poisson(300, DAYS)) for _ in range(60)]
    fewer = [times(rng.poisson(30), *rng.poisson(300, traffic.EARLIER)) for _ in range(60)]

    quiet, loud = (np.mean([traffic.volume(one, NOW, RULES)[0].alarm for one in some]) for some in (same, fewer))
    assert quiet <= RULES.false_alarms
    assert loud >= 0.95


@pytest.mark.parametrize(("most", "alarm"), [(20, False), (99, False), (130, False), (300, True)])
def test_an_hour_far_above_the_others_is_a_burst(most: int, alarm: bool) -> None:
    """Of twenty answers in each hour: not six times as many, which chance makes of five times, but fifteen times."""
    (found,) = traffic.burst(times(20, 20, most, *[20] * 40, span=1), NOW, RULES)

    assert (alarm, max(20, most)) == (found.alarm, found.figures["answers"])
    assert most == 20 or found.figures["hour"] == "2026-05-08 09:00"


def test_a_burst_before_the_window_is_told_no_more() -> None:
    """A day and an hour ago; and a hundred answers in an hour of a service that has none are few."""
    (before,) = traffic.burst(times(*[20] * 25, 300, *[20] * 9, span=1), NOW, RULES)
    (small,) = traffic.burst(times(0, 99, *[0] * 40, span=1), NOW, RULES)

    assert (False, 20) == (before.alarm, before.figures["answers"])
    assert not small.alarm
    assert [] == traffic.burst(times(20, 20, span=1), NOW, RULES)


def test_even_traffic_has_no_bursts() -> None:
    """Of 200 days drawn by chance at most 5 % alarm, at any rate of answers."""
    rng = np.random.default_rng(0)
    drawn = [times(*rng.poisson(rate, 48), span=1) for rate in (0.2, 2, 20, 60) for _ in range(50)]

    assert np.mean([found.alarm for one in drawn for found in traffic.burst(one, NOW, RULES)]) <= RULES.false_alarms


def log(keys: list[int], inputs: list[object], masked: list[list[str]]) -> pd.DataFrame:
    """Answers to these rows."""
    return pd.DataFrame({"key": keys, "inputs": pd.Series(inputs, dtype=object), "masked": pd.Series(masked, dtype=object)})


def test_a_row_is_the_same_by_key_and_values() -> None:
    """In whatever order they stand; the same values of somebody else are another row."""
    distinct = [{"hour": hour, "device": "tv"} for hour in range(100)]
    turned: list[object] = [{"device": "tv", "hour": hour} for hour in range(100)]

    (again,) = traffic.repeats(log([1] * 200, [*distinct, *turned], [[]] * 200), RULES)
    (others,) = traffic.repeats(log([1] * 100 + [2] * 100, [*distinct, *distinct], [[]] * 200), RULES)
    assert (True, 0.5) == (again.alarm, again.figures["share"])
    assert (False, 0) == (others.alarm, others.figures["share"])


def test_rows_of_which_something_was_masked_are_not_compared() -> None:
    """They look equal because of what was taken out."""
    private = log([1] * 200, [{"phone": None}] * 200, [["phone"]] * 200)

    assert [] == traffic.repeats(private, RULES)


def test_answers_are_counted_by_whole_hours() -> None:
    """The oldest first; hours without any are there."""
    found = traffic.by_hour(times(3, 0, 5, span=1), NOW, 4)

    assert [1, 5, 0, 3] == found.tolist()
    assert NOW - dt.timedelta(hours=4) == found.index[0]
    assert [0, 0] == traffic.by_hour(times(3)[:0], NOW, 2).tolist()
