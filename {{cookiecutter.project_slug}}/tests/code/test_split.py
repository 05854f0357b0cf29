"""Repeatable Splitting."""

from __future__ import annotations

import pandas as pd

from {{ cookiecutter.package_name }}.data.split import is_test


def test_new_rows_never_move_old_ones() -> None:
    """A value's side is its own, whatever stands beside it and in whatever order."""
    old = pd.Series(range(1000))
    grown = pd.Series(range(3000)).sample(frac=1, random_state=1)

    assert is_test(old, 0.2).tolist() == is_test(grown, 0.2).sort_index()[:1000].tolist()


def test_equal_values_fall_on_one_side() -> None:
    """No entity is in both."""
    users = pd.Series([n % 50 for n in range(1000)])
    sides = is_test(users, 0.3)

    assert set(users[sides]).isdisjoint(users[~sides])


def test_the_share_is_kept() -> None:
    """Of many values, about as many are test as asked for: 4 standard errors of 10,000 draws."""
    share = is_test(pd.Series(range(10_000)), 0.2).mean()

    assert abs(share - 0.2) < 0.016
