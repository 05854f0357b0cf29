"""The feature store as its readers see it: what was known about an entity at a time, and what is known now.

A store is a folder. Its owner's pipeline writes it (materialization.py); any project may read it.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sections import Features
from .catalog import CATALOG, StoreError, read_catalog
from .keys import Key
from .online import Reader
from .views import FeatureView

if TYPE_CHECKING:
    import pandas as pd

END_OF_TIME = dt.datetime(2262, 1, 1, tzinfo=dt.UTC)


class FeatureStore:
    """The features in a folder.

    Args:
        folder: of a store, or of a snapshot of one, which has no online features.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._catalog = os.fspath(folder / CATALOG)
        self._local = threading.local()

    @property
    def views(self) -> tuple[FeatureView, ...]:
        """The definitions by which the rows were made."""
        return tuple(log.view for log in read_catalog(self.folder).logs.values())

    def get_historical_features(
        self,
        labels: pd.DataFrame,
        features: Sequence[str],
        event_time: str | None,
        *,
        memory_limit: str | None = None,
        progress: Callable[[str, int, int], None] = lambda view, done, total: None,
    ) -> pd.DataFrame:
        """The features as each label could have known them.

        Args:
            labels: rows with the keys of the features' views and a time; any order, any index, a label may come twice.
            features: their names.
            event_time: the labels' time column; a time without a zone is UTC. Without one, every label sees the newest value
                and no ttl applies.
            memory_limit: such as "2GiB"; what does not fit is spilled to a temporary folder.
            progress: is told the view, how many of its rounds are done, and how many there are.

        Returns:
            The features in their order, a row per label with the labels' index; null where nothing was known.

        Raises:
            ViewError: there is no such feature, or a label lacks a view's key, or holds it in another type than the view.
            SchemaError: the time column holds what is no time.
        """
        import duckdb  # pandas and DuckDB take half a second, and the online side needs neither
        import pandas as pd
        import pyarrow as pa

        from ..data.schema import times
        from .history import history
        from .keys import key_column

        catalog = read_catalog(self.folder)
        at = times(labels[event_time]) if event_time else pd.Series(pd.Timestamp(END_OF_TIME), index=labels.index)
        logs = catalog.offering(features)
        if not logs:
            return pd.DataFrame(index=labels.index)
        types = {key: type_ for log in logs for key, type_ in zip(log.view.keys, log.key_types, strict=True)}
        asked = {name: key_column(labels, name, type_) for name, type_ in types.items()}
        if event_time is None:
            logs = [replace(log, view=replace(log.view, ttl=None)) for log in logs]
        table = pa.table(asked | {"_at": pa.array(at, from_pandas=True)})
        try:
            found = history(table, logs, self.folder, memory_limit=memory_limit, progress=progress)
        except duckdb.IOException:
            if read_catalog(self.folder).files() >= catalog.files():
                raise
            raise StoreError(f"the feature store at {self.folder} was rewritten while it was read; ask again") from None
        return found.set_axis(labels.index)[list(features)]

    def get_online_features(
        self, features: Sequence[str], entity_rows: Sequence[Mapping[str, Key | None]], now: dt.datetime
    ) -> list[dict[str, Any]]:
        """The newest features of some entities, all from one state of the store.

        Args:
            features: their names.
            entity_rows: per entity, the keys of the features' views.
            now: a value whose event is older than now - ttl is null.

        Returns:
            Per entity, in their order: feature → value, None where nothing is known.

        Raises:
            ViewError: there is no such feature, or an entity lacks a view's key, or holds it in another type than the view.
        """
        return self._reader().read(tuple(features), entity_rows, now)

    def newest_events(self) -> dict[str, dt.datetime]:
        """When the last event of each view was; a view without rows is not there."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        found = {}
        for name, log in read_catalog(self.folder).logs.items():
            if log.rows:
                times = pq.read_table(log.files(self.folder), columns=["event_time"])["event_time"]
                found[name] = pc.max(times).as_py().astimezone(dt.UTC)
        return found

    def _reader(self) -> Reader:
        """What reads the present state, one for each thread; asking whether it is still that one costs a microsecond."""
        try:
            found = os.stat(self._catalog)  # noqa: PTH116 half as long as Path.stat, for every answer
            reader, inode, changed = self._local.held
            if found.st_ino == inode and found.st_mtime_ns == changed:
                return reader  # type: ignore[no-any-return]  # what a thread holds has no type
        except (AttributeError, FileNotFoundError):  # not opened yet, or gone, which read_catalog says in words
            pass
        return self._opened()

    def _opened(self) -> Reader:
        for _ in range(3):  # a writer that is quicker than this may have removed the file already
            found = (self.folder / CATALOG).stat() if (self.folder / CATALOG).exists() else None
            catalog = read_catalog(self.folder)
            if not catalog.online or found is None:
                break
            try:
                reader = Reader(self.folder, catalog)
            except FileNotFoundError:
                continue
            self._local.held = reader, found.st_ino, found.st_mtime_ns
            return reader
        raise StoreError(f"the feature store at {self.folder} has no online features; make them with `make run`")


def offered(features: Features, root: Path, own: Sequence[FeatureView]) -> Sequence[FeatureView]:
    """The views of a project's store: its own definitions, or those that another project's store was made by."""
    return own if features.is_ours(root) else FeatureStore(features.folder(root)).views
