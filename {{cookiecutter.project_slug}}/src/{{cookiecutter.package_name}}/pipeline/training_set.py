"""Training set: the rows with the features they could have known, divided into training and test."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..data.schema import categories
from ..data.split import is_test
from ..feature_store.offline import get_historical_features
from ..feature_store.views import ViewError, features_by_name, views_of
from ..features import VIEWS
from ..settings import Settings, SettingsError


def run(settings: Settings, out: Path, validate: Path, materialize: Path) -> None:
    """Write `train.parquet` and `test.parquet`."""
    data, columns, split = settings.data, settings.columns, settings.split
    rows = pd.read_parquet(validate / f"{data.rows}.parquet")
    offered = features_by_name(VIEWS)
    used = [name for name in columns.names if name in offered]
    for name in used:
        if offered[name].pii and name not in settings.features.allow_pii:
            raise ViewError(
                f"feature {name!r} is pii; allow it by features.allow_pii in settings.toml, or take it out of columns"
            )
    views = views_of(VIEWS, columns.names)
    for view in views:
        if view.entity != data.entity:
            raise ViewError(f"view {view.name!r} is keyed by {view.entity!r}, not by {data.entity!r}; a model reads one key")
        if view.ttl and not data.event_time:
            raise ViewError(f"view {view.name!r} has a ttl, and no data.event_time says from when; set that, or no ttl")
    history = get_historical_features(rows, views, materialize, data.event_time)[used]
    keys = [data.entity, data.event_time, data.target, data.segment]
    kept = list(dict.fromkeys(name for name in (*keys, *columns.names) if name is not None and name not in used))
    joined = pd.concat([rows[kept], history], axis="columns")
    test = is_test(categories(rows[split.by]), split.test_share)
    for side, name in ((~test, "train"), (test, "test")):
        if joined.loc[side, data.target].nunique() < 2:
            raise SettingsError(
                f"settings.toml: split.by = {split.by!r} leaves {side.sum()} rows in {name} with fewer than two values of the "
                "target; split by a column with more values or change split.test_share"
            )
        joined[side].to_parquet(out / f"{name}.parquet", index=False)
