"""Materialization: the rows of every view are computed from the raw tables, and those that are new are added to the store.

A view's rows are a log: a row that was written stays, with the number of its write, so that what was known at a time can be
told later. A correction is a new row, with a later created time. Removing a raw row removes nothing here; `delete` does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb

from .catalog import Catalog, Deletion, Log, check_files
from .deletion import kept
from .sql import TYPES, connection, kind, listed, read
from .views import FeatureView, ViewError, features_by_name
from .writing import commit, noted, writing

CASTS = {("int", "float")}  # from what the SQL gives to what the feature declares, besides the same; nothing is lost


def materialize_incremental(
    folder: Path,
    views: Sequence[FeatureView],
    tables: Mapping[str, Path],
    now: dt.datetime,
    *,
    memory_limit: str | None = None,
) -> dict[str, int]:
    """Add to a store the rows that it has not, offline and online.

    A view whose key, SQL or features were edited is made anew; one that is no longer there goes.

    Args:
        folder: of the store; made if it is not there.
        views: what to compute.
        tables: raw table → its Parquet file.
        now: online, rows that happened or were known later are left out.
        memory_limit: such as "2GiB"; what does not fit is spilled to a temporary folder.

    Returns:
        By view, how many rows were added.

    Raises:
        ViewError: the SQL fails, a column is missing or has another type than its feature or than before.
        StoreError: another process writes for too long, or a file was altered.
    """
    return _materialize(folder, views, tables, now, memory_limit, anew=False)


def materialize(
    folder: Path,
    views: Sequence[FeatureView],
    tables: Mapping[str, Path],
    now: dt.datetime,
    *,
    memory_limit: str | None = None,
) -> dict[str, int]:
    """Make every view anew from the raw tables as they are; arguments, result and errors as above.

    What the raw tables no longer tell is forgotten, and the many files of many increments become one. Deletions stay.
    """
    return _materialize(folder, views, tables, now, memory_limit, anew=True)


def _materialize(
    folder: Path,
    views: Sequence[FeatureView],
    tables: Mapping[str, Path],
    now: dt.datetime,
    memory_limit: str | None,
    *,
    anew: bool,
) -> dict[str, int]:
    features_by_name(views)
    with writing(folder) as before, connection(memory_limit) as duck:
        if not anew:
            check_files(before, folder)
        for name, path in tables.items():
            duck.read_parquet(str(path)).create_view(name)
        held = {view.name: Log(view) if anew else _held(view, before) for view in views}
        grown = {name: _grown(log, before, folder, duck) for name, log in held.items()}
        _check_keys(grown.values())
        commit(before, replace(before, logs=grown), folder, now, memory_limit)
    return {name: log.rows - held[name].rows for name, log in grown.items()}


def _held(view: FeatureView, before: Catalog) -> Log:
    """What the store has of a view; nothing, if the view is new or would now give other rows."""
    log = before.logs.get(view.name)
    return replace(log, view=view) if log and _shape(log.view) == _shape(view) else Log(view)


def _shape(view: FeatureView) -> object:
    """What the rows of a view depend on: its words and its ttl may change without making it anew."""
    return view.keys, view.sql, [(feature.name, feature.dtype) for feature in view.features]


def _grown(log: Log, before: Catalog, folder: Path, duck: duckdb.DuckDBPyConnection) -> Log:
    """A view's log with the rows that its SQL gives and it has not."""
    view = log.view
    path = folder / "offline" / view.name / f"{before.number + 1:06}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with _refused(view):
        found = duck.sql(view.sql)
        types = {name: kind(str(type_)) for name, type_ in zip(found.columns, found.types, strict=True)}
        key_types = _checked(log, types)
        if log.parts:
            read(duck, f"log {view.name}", log.files(folder))  # no raw table is called so
        duck.sql(_new_rows(log, key_types, before.deletions, "created_time" in types)).write_parquet(str(path))
    part = noted(path)
    if not part.rows and log.parts:  # a log has a file at least, for its columns
        path.unlink()
        return replace(log, key_types=key_types)
    parts = {**log.parts, path.relative_to(folder).as_posix(): part}
    return replace(log, parts=parts, key_types=key_types, written=log.written + part.rows)


def _checked(log: Log, types: Mapping[str, str]) -> tuple[str, ...]:
    """The types of a view's keys.

    Raises:
        ViewError: its SQL lacks a column, or gives one of another type than the view says or than the store holds.
    """
    view = log.view
    missing = [name for name in (*view.keys, "event_time", *view.names) if name not in types]
    if missing:
        raise ViewError(f"view {view.name!r}: its SQL gives no {', '.join(missing)}; it gives {', '.join(types)}")
    for feature in view.features:
        found = types[feature.name]
        if found not in (feature.dtype, '"NULL"') and (found, feature.dtype) not in CASTS:
            raise ViewError(
                f"view {view.name!r}: feature {feature.name!r} is {feature.dtype} and its SQL gives {found}; cast it there, or "
                "change the feature's dtype"
            )
    for name in ("event_time", "created_time"):
        if name in types and not types[name].startswith(("TIMESTAMP", "DATE", "str")):
            raise ViewError(f"view {view.name!r}: its SQL gives {types[name]} for {name}; cast it to a TIMESTAMP there")
    key_types = tuple(types[key] for key in view.keys)
    for key, found, held in zip(view.keys, key_types, log.key_types or key_types, strict=True):
        if found not in ("int", "str"):
            raise ViewError(f"view {view.name!r}: its key {key!r} is {found}; cast it to a whole number or to text in its SQL")
        if found != held:
            raise ViewError(
                f"view {view.name!r}: its key {key!r} was {held} and is {found} now; cast it in its SQL, or compute all again "
                "by `features materialize --anew`"
            )
    return key_types


def _check_keys(logs: Iterable[Log]) -> None:
    """Refuse a key that is a number in one view and a text in another.

    Raises:
        ViewError: there is one.
    """
    seen: dict[str, tuple[str, str]] = {}
    for log in logs:
        for key, type_ in zip(log.view.keys, log.key_types, strict=True):
            other, held = seen.setdefault(key, (log.view.name, type_))
            if held != type_:
                raise ViewError(
                    f"key {key!r} is {held} in view {other!r} and {type_} in view {log.view.name!r}; cast it in one of them"
                )


def _new_rows(log: Log, key_types: Sequence[str], deletions: Sequence[Deletion], has_created_time: bool) -> str:
    """The view's SQL with the store's columns and types, less what the log tells; numbered, and sorted by key.

    A moment (key, event and arrival) has one row, the last in order, and is new if the log's last row of it is another.
    """
    view = log.view
    event = _finite("CAST(event_time AS TIMESTAMPTZ)", "event_time")
    arrival = _finite("coalesce(CAST(created_time AS TIMESTAMPTZ), event_time)", "created_time")
    created = arrival if has_created_time else "event_time"
    dtypes = [*zip(view.keys, key_types, strict=True), *((feature.name, feature.dtype) for feature in view.features)]
    typed = {name: f'CAST("{name}" AS {TYPES[dtype]}) AS "{name}"' for name, dtype in dtypes}
    features = listed(view.names)
    columns = [*view.keys, "event_time", "created_time", *view.names]
    present = " AND ".join(f'"{name}" IS NOT NULL' for name in (*view.keys, "event_time"))
    moment = listed(columns[: len(view.keys) + 2])
    values = "struct_pack(" + ", ".join(f'"{name}" := "{name}"' for name in view.names) + ")"
    last = f'SELECT {moment}, arg_max({values}, write_number) AS held FROM "log {view.name}" GROUP BY ALL'  # noqa: S608
    known = f"EXCEPT SELECT {moment}, unnest(held) FROM ({last})" if log.parts else ""  # noqa: S608
    return f"""
        WITH computed AS (
{view.sql.rstrip().rstrip(";")}
        ),
        timed AS (
            SELECT * REPLACE ({event} AS event_time) FROM computed WHERE {present}
        ),
        typed AS (
            SELECT
                {", ".join(typed[name] for name in view.keys)},
                event_time,
                {created} AS created_time,
                {", ".join(typed[name] for name in view.names)}
            FROM timed
        ),
        told AS (
            SELECT {moment}, max({values}) AS held FROM typed WHERE {kept(view, deletions)} GROUP BY ALL
        ),
        new AS (
            SELECT {moment}, unnest(held) FROM told {known}
        )
        SELECT * REPLACE ({log.written} + row_number() OVER () AS write_number)
        FROM (SELECT {moment}, 0 AS write_number, {features} FROM new ORDER BY ALL)
    """  # noqa: S608 the SQL is the owner's, the names were checked when the view was made


def _finite(time: str, name: str) -> str:
    """A time that is one: DuckDB knows infinite ones, which no event is."""
    return f"CASE WHEN isfinite({time}) THEN {time} ELSE error('{name} is infinite; leave such rows out') END"


@contextmanager
def _refused(view: FeatureView) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ViewError(f"view {view.name!r}: {reason}; mend its SQL, or a feature's dtype, in features.py") from None
