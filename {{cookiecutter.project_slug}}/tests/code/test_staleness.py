"""Staleness: a model, a store and labels that are older than they should be."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.feature_store.store import FeatureStore
from {{ cookiecutter.package_name }}.feature_store.views import Feature, FeatureView
from {{ cookiecutter.package_name }}.features import VIEWS
from {{ cookiecutter.package_name }}.monitoring.staleness import delay, model_age, stored
from {{ cookiecutter.package_name }}.operations import Monitoring

NOW = dt.datetime(2026, 5, 8, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
VIEW = FeatureView("watched", "user_id", "SELECT 1", (Feature("minutes", "float", "minutes"),), "what is watched", "ada")


@pytest.mark.parametrize(("days", "alarm"), [(0, False), (89.9, False), (90.1, True)])
def test_a_model_grows_old(days: float, alarm: bool) -> None:
    """After monitoring.max_model_days."""
    assert alarm == model_age(NOW - days * DAY, NOW, Monitoring()).alarm


@pytest.mark.parametrize(("days", "ttl", "alarm"), [(6, 7, False), (8, 7, True), (800, None, False)])
def test_a_store_whose_newest_event_is_past_its_ttl_gives_nothing(days: float, ttl: int | None, alarm: bool) -> None:
    """A view that holds for ever is told, and never alarms."""
    view = replace(VIEW, ttl=None if ttl is None else ttl * DAY)
    (found,) = stored([view], {view.name: NOW - days * DAY}, NOW)

    assert (f"store: {view.name}", alarm, days) == (found.name, found.alarm, found.figures["days"])


def test_a_view_without_rows_is_an_alarm() -> None:
    """Whatever its ttl."""
    (found,) = stored([VIEW], {}, NOW)

    assert (True, "the feature store has no row of view watched; run `make run`") == (found.alarm, found.sentence)


def test_the_store_tells_its_newest_events(root: Path) -> None:
    """By view, whatever file they are in."""
    expected = {}
    for view in VIEWS:
        files = (root / "feature_store" / "offline" / view.name).glob("*.parquet")
        times = pd.concat([pd.read_parquet(file, columns=["event_time"]) for file in files])["event_time"]
        expected[view.name] = pd.to_datetime(times, utc=True).max().to_pydatetime()

    assert expected == FeatureStore(root / "feature_store").newest_events()


def test_the_delay_of_labels_is_that_of_the_middle_one() -> None:
    """One that came after a year says little."""
    log = pd.DataFrame({"at": [NOW] * 3, "labelled_at": [NOW + DAY, NOW + 2 * DAY, NOW + 365 * DAY]})
    (found,) = delay(log)

    assert (False, 48.0) == (found.alarm, found.figures["hours"])
    assert [] == delay(log[:0])
