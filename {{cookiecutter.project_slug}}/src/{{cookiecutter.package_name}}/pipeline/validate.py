"""Validate: the rows to learn from hold what the settings say, or the run stops here with one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..data.schema import check_rows, conform
from ..feature_store.catalog import CATALOG
from ..feature_store.store import offered
from ..feature_store.views import FeatureView, features_by_name
from ..features import VIEWS
from ..sections import MODALITIES, Columns, Data, Split
from ..settings import Settings, SettingsError

ANSWER = ("prediction", "probability", "route", "route_probability", "route_source", "model")


def run(settings: Settings, out: Path, root: Path, ingest: Path) -> list[Path]:
    """Write every table again, the rows to learn from in their one form; tell the catalog of another project's store."""
    tables, data, columns = settings.tables, settings.data, settings.columns
    if data.rows not in tables:
        raise SettingsError(f"settings.toml: data.rows = {data.rows!r} is no table; the tables are {', '.join(tables)}")
    for name in tables:
        if name != data.rows:
            shutil.copyfile(ingest / f"{name}.parquet", out / f"{name}.parquet")
    rows = pd.read_parquet(ingest / f"{data.rows}.parquet")
    check_rows(rows, data.rows, _wanted(rows, data, columns, settings.split, offered(settings.features, root, VIEWS)), data)
    forms = columns.modalities()
    forms |= {data.target: "numbers" if data.task == "regression" else "categories", data.entity: "key"}
    forms |= {data.event_time: "time"} if data.event_time else {}
    forms |= {data.segment: "categories"} if data.segment else {}
    conform(rows, forms).to_parquet(out / f"{data.rows}.parquet", index=False)
    return [] if settings.features.is_ours(root) else [settings.features.folder(root) / CATALOG]


def _wanted(rows: pd.DataFrame, data: Data, columns: Columns, split: Split, views: Sequence[FeatureView]) -> dict[str, str]:
    """The columns that the rows must have, each with the setting that names it."""
    features = features_by_name(views)
    wanted = {
        name: f"columns.{modality}" for modality in MODALITIES for name in getattr(columns, modality) if name not in features
    }
    if data.entity in ANSWER or data.entity == data.target:
        raise SettingsError(f"settings.toml: data.entity = {data.entity!r} is the target or a word of the answer; rename it")
    for name in columns.names:
        if name in features and name in rows:
            raise SettingsError(
                f"settings.toml: columns: {name!r} is a column of table {data.rows!r} and a feature; rename the feature"
            )
        if name == data.target:
            raise SettingsError(
                f"settings.toml: columns: {name!r} is the target; a model that reads it learns nothing, take it out"
            )
    keys = {"data.entity": data.entity, "data.target": data.target, "split.by": split.by}
    keys |= {"data.event_time": data.event_time} if data.event_time else {}
    keys |= {"data.segment": data.segment} if data.segment else {}
    return wanted | {name: setting for setting, name in keys.items()}
