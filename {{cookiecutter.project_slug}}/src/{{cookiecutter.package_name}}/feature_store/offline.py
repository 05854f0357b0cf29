"""The offline store: a Parquet file per view, joined to labels point in time.

At time t the value is the row with the largest (event time, created time, write number) among those with event ≤ t and
created ≤ t; null if its event is older than t - ttl. A row that arrived after the label is never seen by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd

from ..data.sources import frame
from .views import FeatureView, ViewError

TYPES = {"float": "DOUBLE", "int": "BIGINT", "str": "VARCHAR", "bool": "BOOLEAN"}
WHOLE_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}


def materialize(views: Sequence[FeatureView], tables: Mapping[str, Path], folder: Path) -> None:
    """Run each view's SQL on the raw tables and keep its rows.

    Args:
        views: what to compute.
        tables: raw table → its Parquet file.
        folder: gets `<view>.parquet`: entity, event_time, created_time, write_number, features; sorted.

    Raises:
        ViewError: the SQL fails, a column is missing, or a value cannot be cast to its feature's type.
    """
    with connection() as duck:
        for name, path in tables.items():
            duck.read_parquet(str(path)).create_view(name)
        for view in views:
            with _refused(view):
                rows = duck.sql(_typed(view, duck.sql(view.sql).columns))
                rows.write_parquet(str(folder / f"{view.name}.parquet"))


def get_historical_features(
    labels: pd.DataFrame, views: Sequence[FeatureView], folder: Path, event_time: str | None
) -> pd.DataFrame:
    """The features as each label could have known them.

    Args:
        labels: rows with the views' entities and the event time (UTC); any order, any index.
        views: whose features are joined.
        folder: of the offline store.
        event_time: the labels' time column; without one, every label sees the newest value and no ttl applies.

    Returns:
        The features of all views, a row per label with the labels' index; null where nothing was known.

    Raises:
        ViewError: a label lacks a view's entity, or holds it in another type than the view.
    """
    joined = [_history(labels, view, folder / f"{view.name}.parquet", event_time) for view in views]
    return pd.concat([pd.DataFrame(index=labels.index), *joined], axis="columns")


def _history(labels: pd.DataFrame, view: FeatureView, rows: Path, event_time: str | None) -> pd.DataFrame:
    if view.entity not in labels:
        raise ViewError(f"view {view.name!r} is keyed by {view.entity!r}, which the rows do not have; add that column")
    at = labels[event_time] if event_time else pd.Series(pd.Timestamp("2262-01-01", tz="UTC"), index=labels.index)
    asked = pd.DataFrame({view.entity: labels[view.entity], "_at": at}).reset_index(drop=True)
    features = ", ".join(f"stored.{feature.name}" for feature in view.features)
    # Candidates carry keys and times alone; the wide row is fetched once the winner's write number is known. That gives a tie
    # one answer, and keeps a null that is the newest value.
    query = f"""
        WITH labels AS (
            SELECT row_number() OVER () AS _label, * FROM asked
        ),
        winners AS (
            SELECT
                _label,
                any_value(_at) AS _at,
                arg_max(write_number, (event_time, created_time, write_number)) AS write_number
            FROM labels
            JOIN stored USING ({view.entity})
            WHERE event_time <= _at AND created_time <= _at
            GROUP BY _label
        ),
        valid AS (
            SELECT _label, {features}
            FROM winners
            JOIN stored USING (write_number)
            WHERE $ttl::INTERVAL IS NULL OR event_time >= _at - $ttl::INTERVAL
        )
        SELECT valid.* EXCLUDE (_label)
        FROM labels
        LEFT JOIN valid USING (_label)
        ORDER BY _label
    """  # noqa: S608 the names were checked when the view was made
    with connection() as duck:
        duck.register("asked", asked)
        duck.read_parquet(str(rows)).create_view("stored")
        _check_keys(view, duck)
        found = frame(duck.sql(query, params={"ttl": view.ttl if event_time else None}))
    found.index = labels.index
    return found


@contextmanager
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of one's own in which a time without a zone is UTC; with local time a day would have 23 hours in spring."""
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'")
        yield duck


@contextmanager
def _refused(view: FeatureView) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ViewError(f"view {view.name!r}: {reason}; mend its SQL, or a feature's dtype, in features.py") from None


def _typed(view: FeatureView, found: Sequence[str]) -> str:
    """The view's SQL with the store's columns and the features' types; equal rows in get equal rows out, in one order."""
    wanted = [view.entity, "event_time", *(feature.name for feature in view.features)]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ViewError(f"view {view.name!r}: its SQL gives no {', '.join(missing)}; it gives {', '.join(found)}")
    features = ", ".join(f"CAST({feature.name} AS {TYPES[feature.dtype]}) AS {feature.name}" for feature in view.features)
    created = "coalesce(CAST(created_time AS TIMESTAMPTZ), event_time)" if "created_time" in found else "event_time"
    order = ", ".join([view.entity, "event_time", "created_time", *(feature.name for feature in view.features)])
    return f"""
        WITH computed AS (
{view.sql.rstrip().rstrip(";")}
        ),
        timed AS (
            SELECT * REPLACE (CAST(event_time AS TIMESTAMPTZ) AS event_time) FROM computed
        ),
        typed AS (
            SELECT {view.entity}, event_time, {created} AS created_time, {features}
            FROM timed
            WHERE {view.entity} IS NOT NULL AND event_time IS NOT NULL
        )
        SELECT *, row_number() OVER (ORDER BY {order}) AS write_number FROM typed ORDER BY {order}
    """  # noqa: S608 the SQL is the owner's, the names were checked when the view was made


def _check_keys(view: FeatureView, duck: duckdb.DuckDBPyConnection) -> None:
    """Refuse to join a number to a text: it would match nothing, or what nobody meant."""
    types = [str(duck.sql(f"FROM {table}").select(view.entity).types[0]) for table in ("asked", "stored")]
    kinds = ["int" if name in WHOLE_NUMBERS else name for name in types]
    if kinds[0] != kinds[1]:
        raise ViewError(
            f"view {view.name!r}: {view.entity!r} is {kinds[0]} in the rows and {kinds[1]} in the view; cast one of them in SQL"
        )
