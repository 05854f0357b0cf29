"""Demo data: the same every time, and every sign in it tells something."""

from __future__ import annotations

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.data import demo
from {{ cookiecutter.package_name }}.sections import Columns

TABULAR = Columns(numbers=("hour",))


@pytest.mark.parametrize("name", ["requests", "activity"])
def test_seed_decides(name: str) -> None:
    """One seed gives one table, another seed another."""
    first, again, other = (demo.table(name, 300, seed, TABULAR) for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_users_are_the_same_in_both_tables() -> None:
    """The age group of a request is that of its user, and nobody watches who may not ask."""
    requests, activity = (demo.table(name, 2000, 7, TABULAR) for name in ("requests", "activity"))
    people = demo.users(7)

    assert people["age_group"].reindex(requests["user_id"]).tolist() == requests["age_group"].tolist()
    assert activity["user_id"].isin(people.index).all()


def test_nothing_is_logged_before_it_was_watched() -> None:
    """Some sessions are reported late, none early."""
    activity = demo.table("activity", 2000, 7, TABULAR)
    delay = activity["logged_at"] - activity["watched_at"]

    assert delay.min() >= pd.Timedelta(0)
    assert 0.03 < (delay > pd.Timedelta("1h")).mean() < 0.07


def test_unknown_table_is_refused() -> None:
    """The message lists the tables that can be drawn."""
    with pytest.raises(demo.UnknownTable, match="table 'films' has no demo; draw requests or activity"):
        demo.table("films", 300, 7, TABULAR)
