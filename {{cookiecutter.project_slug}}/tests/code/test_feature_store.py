"""The feature store: a training row sees its own past, and serving sees what training would."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.feature_store.offline import get_historical_features, materialize
from {{ cookiecutter.package_name }}.feature_store.online import get_online_features, materialize_online
from {{ cookiecutter.package_name }}.feature_store.views import Feature, FeatureView, ViewError, features_by_name

TTL = dt.timedelta(days=3)
VIEW = FeatureView(
    name="visits",
    entity="user_id",
    sql="SELECT user_id, event_time, created_time, pages FROM raw",
    features=(Feature("pages", "float", "Pages seen"),),
    description="What a user saw",
    owner="team@example.com",
    ttl=TTL,
)


def test_label_sees_only_its_past(tmp_path: Path) -> None:
    """A feature that happened after the label is not joined to it."""
    _store(tmp_path, [(1, 0, 0, 10.0), (1, 5, 5, 99.0)])

    assert _history(tmp_path, (1, 3)) == [10.0]


def test_a_row_is_visible_only_once_it_was_known(tmp_path: Path) -> None:
    """One that happened before the label and arrived after it is not joined either."""
    _store(tmp_path, [(1, 0, 0, 10.0), (1, 2, 4, 99.0)])

    assert _history(tmp_path, (1, 3), (1, 4)) == [10.0, 99.0]


def test_both_edges_are_inclusive(tmp_path: Path) -> None:
    """A value counts at its own time, and at the last moment of its ttl."""
    _store(tmp_path, [(1, 1, 1, 10.0)])

    assert _history(tmp_path, (1, 0), (1, 1), (1, 4), (1, 5)) == [None, 10.0, 10.0, None]


def test_a_tie_goes_to_the_later_arrival(tmp_path: Path) -> None:
    """Of two rows of one event time, the one that was known later corrects the other."""
    _store(tmp_path, [(1, 1, 3, 20.0), (1, 1, 1, 10.0)])

    assert _history(tmp_path, (1, 2), (1, 3)) == [10.0, 20.0]


def test_the_newest_null_stays_null(tmp_path: Path) -> None:
    """An older value is not carried forward over it."""
    _store(tmp_path, [(1, 0, 0, 10.0), (1, 1, 1, None)])

    assert _history(tmp_path, (1, 2)) == [None]


def test_every_label_comes_back_once_in_its_order(tmp_path: Path) -> None:
    """Without a match and twice the same, with the index they came with."""
    _store(tmp_path, [(1, 0, 0, 10.0), (2, 0, 0, 20.0)])
    labels = _labels((2, 1), (9, 1), (2, 1), (1, 1)).set_axis([7, 7, 3, 0])

    found = get_historical_features(labels, [VIEW], tmp_path, "at")

    assert (found.index.tolist(), _listed(found)) == ([7, 7, 3, 0], [20.0, None, 20.0, 10.0])


def test_a_key_of_another_type_is_refused(tmp_path: Path) -> None:
    """The text "1" is not the number 1: a join that matches nothing must not look like missing data."""
    _store(tmp_path, [(1, 0, 0, 10.0)])
    labels = _labels((1, 1)).assign(user_id=["1"])

    with pytest.raises(ViewError, match="'user_id' is VARCHAR in the rows and int in the view"):
        get_historical_features(labels, [VIEW], tmp_path, "at")


def test_history_equals_a_brute_force_search(tmp_path: Path) -> None:
    """Over random rows in tiny domains, where ties, late rows and the edges of the ttl abound: 500 cases of two users each."""
    draw = random.Random(7)
    users = [key for case in range(0, 1500, 3) for key in (case, case + 1)]  # every third has no row
    rows = [_random_row(draw, key) for key in users for _ in range(draw.randint(1, 6))]
    asked = [(key, draw.randint(0, 8)) for key in range(1500) for _ in range(4)]
    _store(tmp_path, rows)

    assert _history(tmp_path, *asked) == [_searched(rows, *label) for label in asked]


@pytest.mark.parametrize("day", [6, 7, 8, 12])
def test_online_equals_offline_as_of_now(tmp_path: Path, day: int) -> None:
    """For every entity, known or not, and at any time after the store was made."""
    draw = random.Random(day)
    rows = [_random_row(draw, key) for key in range(200) for _ in range(draw.randint(1, 6))]
    _store(tmp_path, rows)
    materialize_online([VIEW], tmp_path, tmp_path / "online.sqlite", as_of=_day(6))

    found = get_online_features(list(range(220)), "user_id", [VIEW], tmp_path / "online.sqlite", _day(day))

    assert found["pages"].tolist() == [_searched(rows, key, day, known=6) for key in range(220)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"owner": " "}, "has no owner"),
        ({"description": ""}, "has no description"),
        ({"name": "visits; DROP TABLE x"}, "is no name"),
        ({"entity": "User"}, "is no name"),
        ({"features": (Feature("pages", "float", ""),)}, "feature 'pages' of view 'visits' has no description"),
        ({"features": (Feature("event_time", "float", "When"),)}, "is the store's own"),
    ],
)
def test_a_view_owes_its_readers_words(change: dict[str, object], sentence: str) -> None:
    """Without an owner, a description or a plain name it cannot be made."""
    with pytest.raises(ViewError, match=sentence):
        FeatureView(**{**VIEW.__dict__, **change})


def test_two_features_of_one_name_are_refused() -> None:
    """A name in settings.toml means one feature."""
    other = FeatureView(**{**VIEW.__dict__, "name": "other"})

    with pytest.raises(ViewError, match="feature 'pages' of view 'other' stands in another view too"):
        features_by_name([VIEW, other])


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELECT user_id, event_time FROM raw", "its SQL gives no pages; it gives user_id, event_time"),
        ("SELECT user_id, event_time, pages FROM nowhere", "nowhere"),
        ("SELECT user_id, event_time, 'many' AS pages FROM raw", "Could not convert"),
    ],
)
def test_sql_that_cannot_be_used_is_one_sentence(tmp_path: Path, sql: str, sentence: str) -> None:
    """It names the view."""
    view = FeatureView(**{**VIEW.__dict__, "sql": sql})

    with pytest.raises(ViewError) as refused:
        _store(tmp_path, [(1, 0, 0, 1.0)], view)

    assert sentence in str(refused.value)
    assert str(refused.value).startswith("view 'visits'")
    assert "\n" not in str(refused.value)


Row = tuple[int, int, int, float | None]


def _day(number: int) -> dt.datetime:
    """A day across the last Sunday of March, when local clocks jump."""
    return dt.datetime(2026, 3, 26, 1, 30, tzinfo=dt.UTC) + dt.timedelta(days=number)


def _store(folder: Path, rows: list[Row], view: FeatureView = VIEW) -> None:
    """An offline store made of (user, day of the event, day it was known, pages)."""
    raw = pd.DataFrame(rows, columns=["user_id", "event_time", "created_time", "pages"])
    raw = raw.assign(event_time=raw["event_time"].map(_day), created_time=raw["created_time"].map(_day))
    raw.astype({"pages": "float64"}).to_parquet(folder / "raw_rows.parquet")
    materialize([view], {"raw": folder / "raw_rows.parquet"}, folder)


def _labels(*asked: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame({"user_id": [key for key, _ in asked], "at": [_day(day) for _, day in asked]})


def _history(folder: Path, *asked: tuple[int, int]) -> list[float | None]:
    return _listed(get_historical_features(_labels(*asked), [VIEW], folder, "at"))


def _listed(found: pd.DataFrame) -> list[float | None]:
    return [None if pd.isna(value) else value for value in found["pages"]]


def _random_row(draw: random.Random, key: int) -> Row:
    event = draw.randint(0, 6)
    return key, event, event + draw.randint(0, 2), draw.choice([None, *map(float, range(9))])


def _searched(rows: list[Row], key: int, day: int, known: int | None = None) -> float | None:
    """The rule, said once more in plain Python; among equal rows the store keeps the one with the larger value, nulls last."""
    until = day if known is None else known
    seen = [row for row in rows if row[0] == key and row[1] <= until and row[2] <= until]
    if not seen:
        return None
    newest = max(seen, key=lambda row: (row[1], row[2], row[3] is None, row[3] or 0.0))
    return newest[3] if day - newest[1] <= TTL.days else None
