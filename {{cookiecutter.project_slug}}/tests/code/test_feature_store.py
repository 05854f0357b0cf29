"""The feature store: a training row sees its own past, and serving sees what training would."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from {{ cookiecutter.package_name }} import cli_features
from {{ cookiecutter.package_name }}.data.schema import SchemaError
from {{ cookiecutter.package_name }}.feature_store import catalog, writing
from {{ cookiecutter.package_name }}.feature_store.catalog import CATALOG, StoreError, read_catalog, snapshot
from {{ cookiecutter.package_name }}.feature_store.deletion import delete
from {{ cookiecutter.package_name }}.feature_store.materialization import materialize, materialize_incremental
from {{ cookiecutter.package_name }}.feature_store.store import FeatureStore
from {{ cookiecutter.package_name }}.feature_store.views import Feature, FeatureView, ViewError, features_by_name
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.settings import Settings

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
FOR_EVER = replace(VIEW, ttl=None)
NOW = 6  # the day on which the store is written
Row = tuple[int, int, int, float | None]  # user, day of the event, day it was known, pages


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


def test_without_a_ttl_a_value_holds_for_ever(tmp_path: Path) -> None:
    """Offline and online."""
    _store(tmp_path, [(1, 1, 1, 10.0)], FOR_EVER)

    assert _history(tmp_path, (1, 5000)) == _online(tmp_path, [1], 5000) == [10.0]


def test_a_tie_goes_to_the_later_arrival(tmp_path: Path) -> None:
    """Of two rows of one event time, the one that was known later corrects the other."""
    _store(tmp_path, [(1, 1, 3, 20.0), (1, 1, 1, 10.0)])

    assert _history(tmp_path, (1, 2), (1, 3)) == [10.0, 20.0]


def test_the_newest_null_stays_null(tmp_path: Path) -> None:
    """An older value is not carried forward over it."""
    _store(tmp_path, [(1, 4, 4, 10.0), (1, 5, 5, None)])

    assert _history(tmp_path, (1, 6)) == _online(tmp_path, [1], NOW) == [None]


def test_every_label_comes_back_once_in_its_order(tmp_path: Path) -> None:
    """Without a match, without a key or a time, and twice the same, with the index they came with."""
    _store(tmp_path, [(1, 0, 0, 10.0), (2, 0, 0, 20.0)])
    labels = _labels((2, 1), (9, 1), (2, 1), (1, 1), (1, 1), (1, 1)).set_axis([7, 7, 3, 0, 5, 5])
    labels["user_id"] = pd.array([2, 9, 2, 1, None, 1], dtype="Int64")
    labels["at"] = labels["at"].mask(np.arange(6) == 5)

    found = FeatureStore(tmp_path).get_historical_features(labels, ["pages"], "at")

    assert found.index.tolist() == [7, 7, 3, 0, 5, 5]
    assert _listed(found["pages"]) == [20.0, None, 20.0, 10.0, None, None]


def test_a_time_is_a_moment(tmp_path: Path) -> None:
    """Without a zone it is UTC, with one it is where it says."""
    _store(tmp_path, [(1, 1, 1, 10.0)])
    moment = pd.Timestamp(_day(1))
    second = pd.Timedelta(seconds=1)
    for at in (moment.tz_convert(None), moment.tz_convert("America/New_York"), moment.tz_convert("Asia/Kolkata")):
        labels = pd.DataFrame({"user_id": [1, 1], "at": [at - second, at]})

        assert _listed(FeatureStore(tmp_path).get_historical_features(labels, ["pages"], "at")["pages"]) == [None, 10.0]
    with pytest.raises(SchemaError, match="is not a time such as"):
        FeatureStore(tmp_path).get_historical_features(labels.assign(at=[1, 2]), ["pages"], "at")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_where_it_runs_changes_nothing(tmp_path: Path, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ttl of days holds whole days of 24 hours, though a local clock may jump within them."""
    with monkeypatch.context() as local:
        local.setenv("TZ", zone)
        time.tzset()
        _store(tmp_path, [(1, 1, 1, 10.0)])
        found = _history(tmp_path, (1, 0), (1, 1), (1, 4), (1, 5)), _online(tmp_path, [1], 4), _online(tmp_path, [1], 5)
    time.tzset()

    assert found == ([None, 10.0, 10.0, None], [10.0], [None])


@pytest.mark.parametrize("dtype", ["int32", "uint8", "Int64", "float64"])
def test_whole_numbers_of_any_width_agree(tmp_path: Path, dtype: str) -> None:
    """So do floats that hold whole numbers, which is what a null makes of them."""
    _store(tmp_path, [(1, 0, 0, 10.0)])
    labels = _labels((1, 1), (2, 1)).astype({"user_id": dtype})

    assert _listed(FeatureStore(tmp_path).get_historical_features(labels, ["pages"], "at")["pages"]) == [10.0, None]


@pytest.mark.parametrize(("key", "found"), [("1", "str"), (1.5, "1.5"), (True, "bool"), (2**70, "")])
def test_a_key_of_another_type_is_refused(tmp_path: Path, key: Any, found: str) -> None:
    """The text "1" is not the number 1: a join that matches nothing must not look like missing data."""
    _store(tmp_path, [(1, 0, 0, 10.0)])

    with pytest.raises(ViewError, match=rf"'user_id' is .*{found}.*int in the feature store"):
        FeatureStore(tmp_path).get_historical_features(_labels((1, 1)).assign(user_id=[key]), ["pages"], "at")
    with pytest.raises(ViewError, match=r"'user_id' is .*(the store's is int|no whole number)"):
        FeatureStore(tmp_path).get_online_features(["pages"], [{"user_id": key}], _day(1))


def test_several_views_and_entities_come_in_one_call(tmp_path: Path) -> None:
    """Each by its own key, a key of two columns too, in the order in which the features are asked for."""
    shops = replace(
        VIEW, name="shops", entity="shop", sql="SELECT * FROM shops", features=(Feature("open", "bool", "Whether it is open"),)
    )
    baskets = replace(
        VIEW,
        name="baskets",
        entity=("user_id", "shop"),
        sql="SELECT * FROM baskets",
        features=(Feature("order", "int", "A word of SQL"), Feature("last", "str", "Last thing bought")),
    )
    times = {"event_time": [_day(1)], "created_time": [_day(1)]}
    tables = {
        "raw": _raw([(1, 1, 1, 10.0)]),
        "shops": pd.DataFrame(times | {"shop": ["it's"], "open": [True]}),
        "baskets": pd.DataFrame(times | {"user_id": [1], "shop": ["it's"], "order": [2**53 + 1], "last": ["tea"]}),
    }
    _write(tmp_path, [VIEW, shops, baskets], tables)
    names = ["order", "open", "pages", "last"]
    labels = pd.DataFrame({"user_id": [1, 1, 2], "shop": ["it's", "other", "it's"], "at": [_day(2)] * 3})

    offline = FeatureStore(tmp_path).get_historical_features(labels, names, "at")
    entities: Any = labels[["user_id", "shop"]].to_dict(orient="records")
    online = FeatureStore(tmp_path).get_online_features(names, entities, _day(2))

    expected = [[2**53 + 1, True, 10.0, "tea"], [None, None, 10.0, None], [None, True, None, None]]
    assert [[None if pd.isna(value) else value for value in row] for row in offline.astype(object).to_numpy()] == expected
    assert [[row[name] for name in names] for row in online] == expected


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """A feature, a key, a store."""
    _store(tmp_path, [(1, 0, 0, 10.0)])
    store = FeatureStore(tmp_path)

    with pytest.raises(ViewError, match="has no feature 'page'; it has pages"):
        store.get_historical_features(_labels((1, 1)), ["page"], "at")
    with pytest.raises(ViewError, match="has no feature 'page'; it has pages"):
        store.get_online_features(["page"], [{"user_id": 1}], _day(1))
    with pytest.raises(ViewError, match="keyed by 'user_id', which the rows do not have"):
        store.get_historical_features(_labels((1, 1)).drop(columns="user_id"), ["pages"], "at")
    with pytest.raises(ViewError, match="an entity has no 'user_id'"):
        store.get_online_features(["pages"], [{"user": 1}], _day(1))
    with pytest.raises(StoreError, match="there is no feature store at"):
        FeatureStore(tmp_path / "none").get_historical_features(_labels((1, 1)), ["pages"], "at")
    (tmp_path / CATALOG).write_text('{"logs": {}, "format": 99}', encoding="utf-8")
    with pytest.raises(StoreError, match=r"format.*another version"):
        FeatureStore(tmp_path).get_online_features(["pages"], [{"user_id": 1}], _day(1))


def test_history_equals_a_brute_force_search(tmp_path: Path) -> None:
    """Over random rows in tiny domains, where ties, late rows and the edges of the ttl abound: 500 cases of two users each."""
    draw = random.Random(7)
    users = [key for case in range(0, 1500, 3) for key in (case, case + 1)]  # every third has no row
    rows = _random_rows(draw, users)
    asked = [(key, draw.randint(0, 8)) for key in range(1500) for _ in range(4)]
    _store(tmp_path, rows)

    assert _history(tmp_path, *asked) == [_searched(rows, *label) for label in asked]


def test_tomorrow_changes_nothing_of_yesterday(tmp_path: Path) -> None:
    """All that happened or was known after a label is made absurd, and the label sees what it saw, to the bit."""
    draw = random.Random(8)
    rows = _random_rows(draw, range(300))
    asked = [(key, 3) for key in range(300)]
    _store(tmp_path / "one", rows)
    _store(tmp_path / "other", [row if max(row[1:3]) <= 3 else (*row[:3], 1e9) for row in rows])

    assert _history(tmp_path / "one", *asked) == _history(tmp_path / "other", *asked)


def test_a_feature_made_of_the_label_tells_nothing(tmp_path: Path) -> None:
    """The canary: written a day after its label, the label itself as a feature is worth a guess."""
    draw = random.Random(9)
    labels = [(key, day, draw.random() < 0.5) for key in range(400) for day in (1, 3, 5)]
    _store(tmp_path, [(key, day + 1, day + 1, float(label)) for key, day, label in labels])

    found = np.array(_history(tmp_path, *((key, day) for key, day, _ in labels)), dtype=float)

    assert abs(roc_auc_score([label for *_, label in labels], np.nan_to_num(found, nan=0.5)) - 0.5) < 0.05


@pytest.mark.parametrize("day", [NOW, 7, 8, 12])
def test_online_equals_offline_as_of_now(tmp_path: Path, day: int) -> None:
    """For every entity, known or not, and at any time after the store was written."""
    rows = _random_rows(random.Random(day), range(200))
    _store(tmp_path, rows)

    assert _online(tmp_path, range(220), day) == [_searched(rows, key, day, known=NOW) for key in range(220)]


def test_more_rows_add_what_is_new(tmp_path: Path) -> None:
    """Offline the rows that were not there, online the entities that they tell of; the same again adds nothing."""
    first, second = [(1, 1, 1, 10.0), (2, 1, 1, 20.0)], [(2, 4, 4, 21.0), (3, 4, 4, 30.0)]

    added = [_store(tmp_path, rows)["visits"] for rows in (first, first + second, first + second, second)]

    assert added == [2, 2, 0, 0]
    assert _online(tmp_path, [1, 2, 3], 4) == [10.0, 21.0, 30.0]
    assert _history(tmp_path, (1, 4), (2, 3), (2, 4), (3, 4)) == [10.0, 20.0, 21.0, 30.0]


def test_a_late_row_never_hides_a_newer_one(tmp_path: Path) -> None:
    """A backfill of old events is known from now on; the online value stays, and so does what was seen before."""
    _store(tmp_path, [(1, 4, 4, 10.0)])
    _store(tmp_path, [(1, 4, 4, 10.0), (1, 2, 5, 99.0)])

    assert _online(tmp_path, [1], NOW) == [10.0]
    assert _history(tmp_path, (1, 3), (1, 5)) == [None, 10.0]


def test_a_late_correction_is_seen_once_it_is_known(tmp_path: Path) -> None:
    """It has the event time of what it corrects; labels before keep what they saw."""
    _store(tmp_path, [(1, 4, 4, 10.0)])
    _store(tmp_path, [(1, 4, 4, 10.0), (1, 4, 5, 11.0)])

    assert _online(tmp_path, [1], NOW) == [11.0]
    assert _history(tmp_path, (1, 4), (1, 5)) == [10.0, 11.0]


def test_a_correction_that_is_taken_back_comes_back(tmp_path: Path) -> None:
    """Of one moment the last told value counts, though it was told before; told again it adds nothing."""
    added = [_store(tmp_path, [(1, 1, 1, pages)])["visits"] for pages in (1.0, 2.0, 1.0, 1.0)]

    assert added == [1, 1, 1, 0]
    assert _history(tmp_path, (1, 2)) == _online(tmp_path, [1], 2) == [1.0]


def test_two_raw_rows_of_one_moment_are_one(tmp_path: Path) -> None:
    """The larger counts, a null most, at each run alike."""
    rows: list[Row] = [(1, 1, 1, 5.0), (1, 1, 1, 3.0), (2, 1, 1, 4.0), (2, 1, 1, None)]
    added = [_store(tmp_path, rows)["visits"] for _ in range(2)]

    assert added == [2, 0]
    assert _online(tmp_path, [1, 2], 2) == [5.0, None]


def test_a_row_is_online_when_its_time_has_come(tmp_path: Path) -> None:
    """A plan for tomorrow is not today's value, and nothing but the clock makes it so."""
    rows: list[Row] = [(1, 5, 5, 10.0), (1, 7, 5, 20.0), (2, 8, 8, 30.0)]
    found = []
    for day in (6, 7, 8):
        _store(tmp_path, rows, now=day)
        found.append(_online(tmp_path, [1, 2], day))

    assert found == [[10.0, None], [20.0, None], [20.0, 30.0]]


def test_an_edited_view_is_made_anew_and_no_other(tmp_path: Path) -> None:
    """A new ttl or description is not an edit of its rows."""
    clicks = (Feature("clicks", "float", "Clicks"),)
    other = replace(VIEW, name="other", features=clicks, sql=VIEW.sql.replace("pages", "clicks"))
    raw = {"raw": _raw([(1, 1, 1, 10.0)]).assign(clicks=[1.0])}
    double = replace(VIEW, sql="SELECT user_id, event_time, created_time, 2 * pages AS pages FROM raw")
    worded = replace(double, ttl=None, description="Pages, twice")

    added = [_write(tmp_path, [view, other], raw) for view in (VIEW, double, worded)]

    assert added == [{"visits": 1, "other": 1}, {"visits": 1, "other": 0}, {"visits": 0, "other": 0}]
    assert _history(tmp_path, (1, 1000)) == _online(tmp_path, [1], 1000) == [20.0]
    none = replace(double, sql=f"{double.sql} WHERE pages > 10")
    assert _write(tmp_path, [none, other], raw) == {"visits": 0, "other": 0}
    assert _history(tmp_path, (1, 2)) == _online(tmp_path, [1], 2) == [None]
    assert _write(tmp_path, [other], raw) == {"other": 0}
    assert [view.name for view in FeatureStore(tmp_path).views] == ["other"]


def test_anew_forgets_what_the_raw_tables_no_longer_tell(tmp_path: Path) -> None:
    """And what was many files is one."""
    for rows in ([(1, 1, 1, 10.0)], [(2, 1, 1, 20.0)]):
        _store(tmp_path, rows)
    views, tables = [VIEW], {"raw": tmp_path / "raw.parquet"}

    assert _online(tmp_path, [1, 2], 2) == [10.0, 20.0]
    assert materialize(tmp_path, views, tables, _day(NOW)) == {"visits": 1}
    assert _online(tmp_path, [1, 2], 2) == [None, 20.0]
    assert len(read_catalog(tmp_path).logs["visits"].parts) == 1


def test_a_window_is_the_same_offline_and_online(tmp_path: Path) -> None:
    """A count over days, a late row among them: what was counted is told as of then."""
    counted = replace(
        FOR_EVER,
        sql="""
            SELECT user_id, event_time, max(created_time) OVER days AS created_time, count(*) OVER days AS pages FROM raw
            WINDOW days AS (PARTITION BY user_id ORDER BY event_time RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND CURRENT ROW)
        """,
        features=(Feature("pages", "int", "Visits in two days"),),
    )
    rows = [(1, 0, 0, 1.0), (1, 3, 3, 1.0), (1, 4, 4, 1.0)]
    _store(tmp_path, rows, counted)
    before = _online(tmp_path, [1], 4)
    _store(tmp_path, [*rows, (1, 2, 5, 1.0)], counted)

    assert (before, _online(tmp_path, [1], 5)) == ([2], [3])
    assert _history(tmp_path, (1, 0), (1, 3), (1, 4), (1, 5)) == [1, 1, 2, 3]


def test_what_was_read_online_is_what_history_tells(tmp_path: Path) -> None:
    """Reads are logged while rows come in day by day, late and early; each equals history at its time."""
    draw = random.Random(10)
    rows = _random_rows(draw, range(60))
    log = []
    for day in range(9):
        _store(tmp_path, [row for row in rows if row[2] <= day] or [(999, 0, 0, 0.0)], now=day)
        log += [(key, day, value) for key, value in enumerate(_online(tmp_path, range(60), day))]

    assert [value for *_, value in log] == _history(tmp_path, *((key, day) for key, day, _ in log))


def test_a_deleted_entity_is_gone_and_stays_gone(tmp_path: Path) -> None:
    """Offline, online and from the disk; the raw rows of before do not bring it back, what becomes known later does."""
    rows = [(1, 1, 1, 10.0), (2, 1, 1, 20.0)]
    _store(tmp_path, rows)
    old = {path for log in read_catalog(tmp_path).logs.values() for path in log.files(tmp_path)}

    assert delete(tmp_path, {"user_id": 1}, _day(3)) == {"visits": 1}
    assert (_online(tmp_path, [1, 2], 3), _history(tmp_path, (1, 3), (2, 3))) == ([None, 20.0], [None, 20.0])
    assert not [path for path in old if path.exists()]
    assert [(log.keys, log.rows) for log in read_catalog(tmp_path).deletions] == [(("user_id",), {"visits": 1})]
    assert _store(tmp_path, [*rows, (1, 4, 4, 11.0)]) == {"visits": 1}
    assert materialize(tmp_path, [VIEW], {"raw": tmp_path / "raw.parquet"}, _day(NOW)) == {"visits": 2}
    assert (_online(tmp_path, [1], 4), _history(tmp_path, (1, 3), (1, 4))) == ([11.0], [None, 11.0])


def test_a_deleted_value_is_in_no_file(tmp_path: Path) -> None:
    """Not even in the part of a database that is free to be written again."""
    view = replace(VIEW, sql="SELECT user_id, event_time, 'mail-' || user_id AS mail FROM raw")
    view = replace(view, features=(Feature("mail", "str", "Where to write", pii=True),))
    _store(tmp_path, [(key, 1, 1, 1.0) for key in range(1000, 1100)], view)
    delete(tmp_path, {"user_id": 1007}, _day(3))

    files = [path for path in tmp_path.rglob("o*line/**/*") if path.is_file()]
    assert files
    assert [path for path in files if b"mail-1007" in path.read_bytes()] == []


def test_what_is_to_come_is_deleted_too(tmp_path: Path) -> None:
    """A row whose arrival lies ahead was told before, and does not come back either; one that is later still is news."""
    _store(tmp_path, [(1, 5, 5, 10.0)])
    delete(tmp_path, {"user_id": 1}, _day(3))

    assert _store(tmp_path, [(1, 5, 5, 10.0), (1, 6, 6, 11.0)]) == {"visits": 1}


def test_what_cannot_be_deleted_is_refused(tmp_path: Path) -> None:
    """A key that no view has, and a value of another type."""
    _store(tmp_path, [(1, 1, 1, 10.0)])

    with pytest.raises(ViewError, match="no view is keyed by user; name an entity by user_id"):
        delete(tmp_path, {"user": 1}, _day(3))
    with pytest.raises(ViewError, match="'user_id' is '1 OR true', which is str; the store's is int"):
        delete(tmp_path, {"user_id": "1 OR true"}, _day(3))
    assert _online(tmp_path, [1], 2) == [10.0]


def test_a_value_is_never_sql(tmp_path: Path) -> None:
    """A key that looks like SQL is a key."""
    evil = "'; DROP TABLE user_id; --"
    view = replace(VIEW, sql="SELECT 'a' AS user_id, event_time, created_time, pages FROM raw")
    _store(tmp_path, [(1, 1, 1, 10.0)], view)
    labels = pd.DataFrame({"user_id": ["a", evil, None], "at": [_day(2)] * 3})
    store = FeatureStore(tmp_path)

    assert _listed(store.get_historical_features(labels, ["pages"], "at")["pages"]) == [10.0, None, None]
    assert store.get_online_features(["pages"], [{"user_id": evil}, {"user_id": "a"}], _day(2)) == [
        {"pages": None},
        {"pages": 10.0},
    ]
    assert delete(tmp_path, {"user_id": evil}, _day(3)) == {"visits": 0}


def test_a_snapshot_stays_as_it_was(tmp_path: Path) -> None:
    """Training reads one while the store goes on."""
    _store(tmp_path / "store", [(1, 1, 1, 10.0)])
    (tmp_path / "copy").mkdir()
    snapshot(tmp_path / "store", tmp_path / "copy")
    _store(tmp_path / "store", [(1, 2, 2, 20.0)])

    assert (_history(tmp_path / "store", (1, 3)), _history(tmp_path / "copy", (1, 3))) == ([20.0], [10.0])
    with pytest.raises(StoreError, match="has no online features"):
        _online(tmp_path / "copy", [1], 3)


def test_a_snapshot_is_of_one_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion in the middle of it makes it start over."""
    _store(tmp_path / "store", [(1, 1, 1, 10.0), (2, 1, 1, 20.0)])
    (tmp_path / "copy").mkdir()
    check, deleted = catalog.check_files, list[object]()

    def checked(held: catalog.Catalog, folder: Path) -> None:
        check(held, folder)
        if not deleted:
            deleted.append(delete(tmp_path / "store", {"user_id": 1}, _day(3)))

    monkeypatch.setattr(catalog, "check_files", checked)
    snapshot(tmp_path / "store", tmp_path / "copy")

    assert _history(tmp_path / "copy", (1, 3), (2, 3)) == [None, 20.0]


def test_a_second_writer_waits_or_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence; the store is as it was."""
    _store(tmp_path, [(1, 1, 1, 10.0)])
    monkeypatch.setattr(writing, "SECONDS_TO_WAIT", 0.01)

    with (
        writing.writing(tmp_path),
        pytest.raises(StoreError, match="another process has been writing the feature store"),
    ):
        _store(tmp_path, [(1, 2, 2, 20.0)])
    assert _online(tmp_path, [1], 2) == [10.0]


def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither offline nor online, and the next one removes what it left."""
    _store(tmp_path, [(1, 1, 1, 10.0)])
    with monkeypatch.context() as broken:
        broken.setattr(writing, "write_catalog", _disk_full)
        with pytest.raises(OSError, match="disk full"):
            _store(tmp_path, [(1, 2, 2, 20.0)])
    assert (_online(tmp_path, [1], 2), _history(tmp_path, (1, 2))) == ([10.0], [10.0])
    _store(tmp_path, [(1, 2, 2, 20.0)])

    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("o*line/**/*") if path.is_file()}
    assert read_catalog(tmp_path).files() <= files
    assert len(list((tmp_path / "offline" / "visits").iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"owner": " "}, "has no owner"),
        ({"description": ""}, "has no description"),
        ({"name": "visits; DROP TABLE x"}, "is no name"),
        ({"entity": "User"}, "is no name"),
        ({"entity": ()}, "has no entity"),
        ({"entity": ("a", "a")}, "names 'a' twice"),
        ({"features": ()}, "has no features"),
        ({"features": (Feature("pages", "float", ""),)}, "feature 'pages' of view 'visits' has no description"),
        ({"features": (Feature("event_time", "float", "When"),)}, "is the store's own"),
        ({"features": (Feature('p" FROM x --', "float", "What"),)}, "is no name"),
        ({"features": (Feature("user_id", "int", "Its own key"),)}, "names 'user_id' twice"),
        ({"features": (Feature("pages", "date", "When"),)}, "is 'date'; it may be float, int, str, bool"),  # type: ignore[arg-type]
        ({"ttl": dt.timedelta(0)}, "a ttl of 0:00:00 is none or longer than a century"),
        ({"ttl": dt.timedelta.max}, "is none or longer than a century"),
    ],
)
def test_a_view_owes_its_readers_words(change: dict[str, object], sentence: str) -> None:
    """Without an owner, a description or a plain name it cannot be made."""
    with pytest.raises(ViewError, match=sentence):
        FeatureView(**{**VIEW.__dict__, **change})


def test_two_features_of_one_name_are_refused() -> None:
    """A name in settings.toml means one feature."""
    other = replace(VIEW, name="other")

    with pytest.raises(ViewError, match="feature 'pages' of view 'other' stands in another view too"):
        features_by_name([VIEW, other])


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELECT user_id, event_time FROM raw", "its SQL gives no pages; it gives user_id, event_time"),
        ("SELECT user_id, event_time, pages FROM nowhere", "nowhere"),
        ("SELECT user_id, event_time, 'many' AS pages FROM raw", "'pages' is float and its SQL gives str"),
        ("SELECT user_id, 5 AS event_time, pages FROM raw", "its SQL gives int for event_time"),
        ("SELECT 1.5 AS user_id, event_time, pages FROM raw", "its key 'user_id' is float"),
        ("SELECT user_id, event_time, error('no pages') AS pages FROM raw", "no pages"),
        ("SELECT user_id, TIMESTAMP '-infinity' AS event_time, pages FROM raw", "event_time is infinite"),
    ],
)
def test_sql_that_cannot_be_used_is_one_sentence(tmp_path: Path, sql: str, sentence: str) -> None:
    """It names the view, and what the store held before is still there."""
    _store(tmp_path, [(1, 0, 0, 1.0)])

    with pytest.raises(ViewError) as refused:
        _store(tmp_path, [(1, 0, 0, 1.0)], replace(VIEW, sql=sql))

    assert sentence in str(refused.value)
    assert str(refused.value).startswith("view 'visits'")
    assert "\n" not in str(refused.value)
    assert _online(tmp_path, [1], 1) == [1.0]


def test_a_key_of_two_types_is_refused(tmp_path: Path) -> None:
    """A number in one view and a text in another would not be one key for labels."""
    text = replace(VIEW, name="text", features=(Feature("clicks", "float", "Clicks"),))
    text = replace(text, sql="SELECT user_id::VARCHAR AS user_id, event_time, pages AS clicks FROM raw")

    with pytest.raises(ViewError, match="key 'user_id' is int in view 'visits' and str in view 'text'"):
        _write(tmp_path, [VIEW, text], {"raw": _raw([(1, 0, 0, 1.0)])})


def test_a_key_that_changes_its_type_is_refused(tmp_path: Path) -> None:
    """The raw table came with texts where it had numbers: nothing is cast, and nothing is lost."""
    _store(tmp_path, [(1, 0, 0, 1.0)])
    raw = {"raw": _raw([(1, 0, 0, 1.0)]).astype({"user_id": str})}

    with pytest.raises(ViewError, match="its key 'user_id' was int and is str now; cast it"):
        _write(tmp_path, [VIEW], raw)
    assert _online(tmp_path, [1], 1) == [1.0]


def _day(number: int) -> dt.datetime:
    """A day across the last Sunday of March, when local clocks jump."""
    return dt.datetime(2026, 3, 26, 1, 30, tzinfo=dt.UTC) + dt.timedelta(days=number)


def _raw(rows: Sequence[Row]) -> pd.DataFrame:
    raw = pd.DataFrame(rows, columns=["user_id", "event_time", "created_time", "pages"])
    raw = raw.assign(event_time=raw["event_time"].map(_day), created_time=raw["created_time"].map(_day))
    return raw.astype({"pages": "float64"})


def _store(folder: Path, rows: Sequence[Row], view: FeatureView = VIEW, now: int = NOW) -> dict[str, int]:
    """Let a store see a raw table; how many rows it took."""
    return _write(folder, [view], {"raw": _raw(rows)}, now)


def _write(folder: Path, views: Sequence[FeatureView], tables: dict[str, pd.DataFrame], now: int = NOW) -> dict[str, int]:
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        rows.to_parquet(folder / f"{name}.parquet", coerce_timestamps="us", allow_truncated_timestamps=True)
    return materialize_incremental(folder, views, {name: folder / f"{name}.parquet" for name in tables}, _day(now))


def _labels(*asked: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame({"user_id": [key for key, _ in asked], "at": [_day(day) for _, day in asked]})


def _history(folder: Path, *asked: tuple[int, int]) -> list[float | None]:
    return _listed(FeatureStore(folder).get_historical_features(_labels(*asked), ["pages"], "at")["pages"])


def _online(folder: Path, keys: Sequence[int], day: int) -> list[float | None]:
    found = FeatureStore(folder).get_online_features(["pages"], [{"user_id": key} for key in keys], _day(day))
    return [row["pages"] for row in found]


def _listed(values: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in values]


def _random_rows(draw: random.Random, keys: Sequence[int]) -> list[Row]:
    """Up to six rows of each key; no two of one event and one arrival, which only the order of writing would tell apart."""
    moments = [(event, event + delay) for event in range(NOW + 1) for delay in range(3)]
    return [
        (key, *moment, draw.choice([None, *map(float, range(9))]))
        for key in keys
        for moment in draw.sample(moments, draw.randint(1, 6))
    ]


def _searched(rows: Sequence[Row], key: int, day: int, known: int | None = None) -> float | None:
    """The rule, said once more in plain Python."""
    until = day if known is None else known
    seen = [row for row in rows if row[0] == key and row[1] <= until and row[2] <= until]
    newest = max(seen, key=lambda row: (row[1], row[2]), default=None)
    return newest[3] if newest and day - newest[1] <= TTL.days else None


def _disk_full(*_: object) -> None:
    raise OSError("disk full")


def test_a_single_key_needs_no_name(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is typed is its value, as with `explain`; of several keys, each is named."""
    own = settings.model_copy(update={"data": settings.data.model_copy(update={"entity": "user_id"})})
    monkeypatch.setattr(cli_features, "project_settings", lambda: own)
    monkeypatch.setattr(cli_features, "_key_types", lambda: {"user_id": "int"})

    assert {"user_id": 7} == cli_features._key(["7"]) == cli_features._key(["user_id=7"])
    with pytest.raises(Refusal, match="'seven': user_id is a whole number"):
        cli_features._key(["seven"])
    monkeypatch.setattr(cli_features, "_key_types", lambda: {"user_id": "int", "day": "str"})
    with pytest.raises(Refusal, match="'7' names no key; write KEY=VALUE, the key one of user_id, day"):
        cli_features._key(["7"])
