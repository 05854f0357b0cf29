"""Deletion of an entity: from every file at once, and for good."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from .catalog import Deletion, Log, check_files, sweep
from .keys import TYPES, key_values
from .sql import connection, read
from .views import FeatureView, ViewError
from .writing import commit, noted, writing

SEPARATOR = "\x1f"  # between the values of a key that is digested


def delete(folder: Path, entity: Mapping[str, int | str], now: dt.datetime) -> dict[str, int]:
    """Remove what is known of an entity, offline and online, and log that it was done.

    What raw tables still tell of it from before does not come back; what becomes known later does.

    Args:
        folder: of the store.
        entity: key column → value. Rows of views with more keys than these go as well.
        now: when.

    Returns:
        By view, how many rows were removed.

    Raises:
        ViewError: no view has these keys, or a value is of another type than the view's.
    """
    with writing(folder) as before:
        check_files(before, folder)
        logs = {name: log for name, log in before.logs.items() if entity.keys() <= set(log.view.keys)}
        if not logs or not entity:
            known = " or ".join(sorted({", ".join(log.view.keys) for log in before.logs.values()})) or "there is none"
            raise ViewError(f"no view is keyed by {', '.join(entity) or 'nothing'}; name an entity by {known}")
        for log in logs.values():
            types = dict(zip(log.view.keys, (TYPES[type_] for type_ in log.key_types), strict=True))
            key_values(tuple(entity), [types[key] for key in entity], entity)
        left = {name: _without(log, entity, folder, before.number + 1) for name, log in logs.items()}
        gone = {name: log.rows - left[name].rows for name, log in logs.items()}
        keys = tuple(sorted(entity))
        key = sha256(SEPARATOR.join(str(entity[key]) for key in keys).encode()).hexdigest()
        until = max([now, *(_last_known(log, entity, folder) for log in logs.values())])
        deletions = (*before.deletions, Deletion(keys, key, until, gone))
        after = commit(before, replace(before, logs={**before.logs, **left}, deletions=deletions), folder, now)
        sweep(after, folder)
    return gone


def kept(view: FeatureView, deletions: Sequence[Deletion]) -> str:
    """What tells the rows that were known when their entity was deleted from those that may be kept."""
    gone: dict[tuple[str, ...], list[str]] = {}
    for deletion in deletions:
        if set(deletion.keys) <= set(view.keys):
            gone.setdefault(deletion.keys, []).append(f"('{deletion.digest}', TIMESTAMPTZ '{deletion.at.isoformat()}')")
    conditions = ["true"]
    for keys, listed in gone.items():
        values = ", ".join(f'CAST("{key}" AS VARCHAR)' for key in keys)
        conditions.append(
            f"NOT EXISTS (FROM (VALUES {', '.join(listed)}) AS gone(digest, until) "
            f"WHERE gone.digest = sha256(concat_ws(chr({ord(SEPARATOR)}), {values})) AND created_time <= gone.until)"
        )
    return " AND ".join(conditions)


def _without(log: Log, entity: Mapping[str, int | str], folder: Path, number: int) -> Log:
    """The log less the rows of an entity; only the files that hold it are written again."""
    its = " AND ".join(f'"{key}" = ${key}' for key in entity)
    parts = dict(log.parts)
    with connection() as duck:
        for place, name in enumerate(log.parts):
            read(duck, f"part_{place}", [folder / name])
            [(count,)] = duck.execute(f"SELECT count(*) FROM part_{place} WHERE {its}", dict(entity)).fetchall()  # noqa: S608
            if count:
                del parts[name]
                path = folder / "offline" / log.view.name / f"{number:06}-{place}.parquet"
                left = duck.sql(f"FROM part_{place} WHERE NOT ({its})", params=dict(entity))
                left.write_parquet(str(path))
                parts[path.relative_to(folder).as_posix()] = noted(path)
    return replace(log, parts=parts)


def _last_known(log: Log, entity: Mapping[str, int | str], folder: Path) -> dt.datetime:
    """When the last row of an entity is known; that may be to come."""
    its = " AND ".join(f'"{key}" = ${key}' for key in entity)
    with connection() as duck:
        read(duck, "stored", log.files(folder))
        query = f"SELECT coalesce(max(epoch_us(created_time)), 0) FROM stored WHERE {its}"  # noqa: S608
        [(microseconds,)] = duck.execute(query, dict(entity)).fetchall()
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds)
