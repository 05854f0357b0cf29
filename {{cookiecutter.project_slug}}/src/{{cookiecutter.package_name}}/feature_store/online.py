"""The online store: the newest known row of every entity, in SQLite.

One table per entity, one wide row per key. A reader opens the file to read, so it can be replaced under it.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path

import pandas as pd

from .offline import connection
from .views import FeatureView

TYPES = {"float": "REAL", "int": "INTEGER", "str": "TEXT", "bool": "INTEGER"}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def materialize_online(views: Sequence[FeatureView], folder: Path, path: Path, as_of: dt.datetime) -> None:
    """Write what is known of every entity at a time.

    Args:
        views: what to keep.
        folder: of the offline store.
        path: of the SQLite file; it must not exist.
        as_of: rows that happened or were known later are left out.
    """
    with closing(sqlite3.connect(path)) as sqlite, sqlite:
        for entity, group in _by_entity(views):
            columns = [_time(view) for view in group] + [feature.name for view in group for feature in view.features]
            types = ["INTEGER"] * len(group) + [TYPES[feature.dtype] for view in group for feature in view.features]
            listed = ", ".join(f"{name} {kind}" for name, kind in zip(columns, types, strict=True))
            rows = _latest(entity, group, folder, as_of)
            sqlite.execute(f"CREATE TABLE {entity} (key PRIMARY KEY, {listed}) WITHOUT ROWID")
            places = ", ".join("?" * (1 + len(columns)))
            sqlite.executemany(f"INSERT INTO {entity} VALUES ({places})", rows)  # noqa: S608 names are checked in views.py


def _latest(entity: str, views: Sequence[FeatureView], folder: Path, as_of: dt.datetime) -> list[tuple[object, ...]]:
    """Key, event times and features of every entity, by the rule of the offline store."""
    with connection() as duck:
        for view in views:
            duck.read_parquet(str(folder / f"{view.name}.parquet")).create_view(f"stored_{view.name}")
            duck.execute(
                f"""
                CREATE TABLE {view.name} AS
                SELECT stored.*
                FROM stored_{view.name} AS stored
                WHERE event_time <= $as_of AND created_time <= $as_of
                QUALIFY row_number() OVER (
                    PARTITION BY {entity} ORDER BY event_time DESC, created_time DESC, write_number DESC
                ) = 1
                """,  # noqa: S608 names are checked in views.py
                {"as_of": as_of},
            )
        times = ", ".join(f"epoch_us({view.name}.event_time)" for view in views)
        features = ", ".join(f"{view.name}.{feature.name}" for view in views for feature in view.features)
        joined = views[0].name + "".join(f" FULL JOIN {view.name} USING ({entity})" for view in views[1:])
        found = duck.execute(f"SELECT {entity}, {times}, {features} FROM {joined} ORDER BY {entity}")  # noqa: S608
        return found.fetchall()


def get_online_features(
    keys: Sequence[int | str], entity: str, views: Sequence[FeatureView], path: Path, now: dt.datetime
) -> pd.DataFrame:
    """The newest features of some entities.

    Args:
        keys: of the entities; an unknown one gets nulls.
        entity: their key column; views of other entities are left out.
        views: whose features are read.
        path: of the SQLite file.
        now: values whose event is older than now - ttl are null.

    Returns:
        A row per key, in their order.
    """
    group = [view for view in views if view.entity == entity]
    names = [feature.name for view in group for feature in view.features]
    if not group:
        return pd.DataFrame(index=range(len(keys)))
    columns = ", ".join([*(_time(view) for view in group), *names])
    query = f"SELECT {columns} FROM {entity} WHERE key = ?"  # noqa: S608 names are checked in views.py
    nothing = (None,) * (len(group) + len(names))
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as sqlite:
        sqlite.execute("BEGIN")  # one generation for all keys
        found = [sqlite.execute(query, (key,)).fetchone() or nothing for key in keys]
    return pd.DataFrame([_values(group, row, now) for row in found], columns=names, dtype=object)


def _values(views: Sequence[FeatureView], row: tuple[object, ...], now: dt.datetime) -> list[object]:
    """The features of one stored row, null where the ttl has run out."""
    values: list[object] = []
    stored = iter(row[len(views) :])
    for view, event in zip(views, row, strict=False):
        expired = not isinstance(event, int) or (
            view.ttl is not None and EPOCH + dt.timedelta(microseconds=event) < now - view.ttl
        )
        for feature in view.features:
            value = next(stored)
            if expired or value is None:
                values.append(None)
            else:
                values.append(bool(value) if feature.dtype == "bool" else value)
    return values


def _by_entity(views: Sequence[FeatureView]) -> list[tuple[str, list[FeatureView]]]:
    ordered = sorted(views, key=lambda view: view.entity)
    return [(entity, list(group)) for entity, group in groupby(ordered, key=lambda view: view.entity)]


def _time(view: FeatureView) -> str:
    """The column that holds when a view's values were true."""
    return f"{view.name}__event_time"
