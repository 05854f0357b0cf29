"""Examples, to learn from or to be tested on: rows of one side of the split, with the features they could have known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..data.schema import categories, conform
from ..data.split import is_test
from ..feature_store.store import FeatureStore
from ..feature_store.views import FeatureView, ViewError, features_by_name, views_of
from ..sections import Columns, Features
from ..settings import Settings, SettingsError


def examples(settings: Settings, validate: Path, materialize: Path, side: str) -> tuple[pd.DataFrame, list[FeatureView]]:
    """The rows of a side, "train" or "test", and the views that their features come from.

    Raises:
        ViewError: a view cannot be joined to the rows, or one of its features may not be read.
        SettingsError: the side has fewer than two values of the target.
    """
    data, columns, split = settings.data, settings.columns, settings.split
    rows = pd.read_parquet(validate / f"{data.rows}.parquet")
    # The other side's rows go no further than this line.
    rows = rows[is_test(categories(rows[split.by]), split.test_share) == (side == "test")].reset_index(drop=True)
    if rows[data.target].nunique() < 2:
        raise SettingsError(
            f"settings.toml: split.by = {split.by!r} leaves {len(rows)} rows in {side} with fewer than two values of the "
            "target; split by a column with more values or change split.test_share"
        )
    store = FeatureStore(materialize)
    used = _allowed(store.views, columns, settings.features)
    views = views_of(store.views, used)
    for view in views:
        unknown = [key for key in view.keys if key != data.entity and key not in columns.categories]
        if unknown:
            raise ViewError(
                f"view {view.name!r} is keyed by {unknown[0]!r}, which is neither data.entity = {data.entity!r} nor one of "
                "columns.categories; list it there, or key the view otherwise"
            )
        if view.ttl and not data.event_time:
            raise ViewError(f"view {view.name!r} has a ttl, and no data.event_time says from when; set that, or no ttl")
    keyed = conform(rows, dict.fromkeys(columns.categories, "categories"))
    history = store.get_historical_features(keyed, used, data.event_time, memory_limit=settings.features.memory_limit)
    keys = [data.entity, data.event_time, data.target, data.segment, split.by]
    kept = list(dict.fromkeys(name for name in (*keys, *columns.names) if name is not None and name not in used))
    return pd.concat([rows[kept], history], axis="columns"), list(views)


def _allowed(views: Sequence[FeatureView], columns: Columns, rules: Features) -> list[str]:
    """The features that the model reads.

    Raises:
        ViewError: one of them tells who somebody is, and is not allowed to.
    """
    offered = features_by_name(views)
    used = [name for name in columns.names if name in offered]
    for name in used:
        if offered[name].pii and name not in rules.allow_pii:
            raise ViewError(
                f"feature {name!r} is pii; allow it by features.allow_pii in settings.toml, or take it out of columns"
            )
    return used
