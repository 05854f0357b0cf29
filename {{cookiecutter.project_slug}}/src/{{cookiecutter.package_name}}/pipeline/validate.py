"""Validate: the rows to learn from hold what the settings say; those that do not are put aside, and too many stop the run."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..data.quarantine import faults, put_aside, refuse_more, schema, told
from ..data.schema import SchemaError, conform
from ..feature_store.catalog import CATALOG
from ..feature_store.store import offered
from ..feature_store.views import FeatureView, features_by_name
from ..features import VIEWS
from ..sections import MODALITIES, Columns, Data, Limits, Split
from ..settings import Settings, SettingsError

ANSWER = ("prediction", "probability", "route", "route_probability", "route_source", "missing", "unseen", "model")


def run(settings: Settings, out: Path, root: Path, ingest: Path) -> list[Path]:
    """Write every table again, the good rows to learn from in their one form and the bad ones into `quarantine.parquet`.

    Tells the catalog of another project's store, which it has read.
    """
    tables, data, columns = settings.tables, settings.data, settings.columns
    if data.rows not in tables:
        raise SettingsError(f"settings.toml: data.rows = {data.rows!r} is no table; the tables are {', '.join(tables)}")
    for name in tables:
        if name != data.rows:
            shutil.copyfile(ingest / f"{name}.parquet", out / f"{name}.parquet")
    rows = pd.read_parquet(ingest / f"{data.rows}.parquet")
    views = offered(settings.features, root, VIEWS)
    check_columns(rows, data.rows, _wanted(rows, data, columns, settings.split, views))
    forms = columns.modalities()
    forms |= {data.target: "numbers" if data.task == "regression" else "categories", data.entity: "key"}
    forms |= {data.event_time: "time"} if data.event_time else {}
    forms |= {data.segment: "categories"} if data.segment else {}
    check_limits(settings.validation.columns, forms, {*rows, *features_by_name(views)})
    whole = {data.entity, data.target, settings.split.by} | ({data.event_time} if data.event_time else set())
    found = faults(rows, schema(forms, settings.validation.columns, whole))
    refuse_more(rows, found, data.rows, settings.validation.max_bad_share)
    put_aside(rows, found).to_parquet(out / "quarantine.parquet", index=False)
    if len(found):
        logging.getLogger(__name__).warning("%s; they are in artifacts/validate/quarantine.parquet", told(rows, found))
    good = rows[~rows.index.isin(found["row"])]
    check_target(good, data)
    conform(good, forms).to_parquet(out / f"{data.rows}.parquet", index=False)
    return [] if settings.features.is_ours(root) else [settings.features.folder(root) / CATALOG]


def check_columns(rows: pd.DataFrame, table: str, wanted: Mapping[str, str]) -> None:
    """Refuse rows that lack a column.

    Args:
        rows: the rows that are predicted.
        table: their name, for the message.
        wanted: column → the setting that names it.

    Raises:
        SchemaError: they do.
    """
    for name, setting in wanted.items():
        if name not in rows:
            raise SchemaError(
                f"settings.toml: {setting} names {name!r}, which table {table!r} does not have, nor features.py; "
                f"the table's columns are {', '.join(map(str, rows.columns))}"
            )


def check_limits(limits: Mapping[str, Limits], modalities: Mapping[str, str], known: set[str]) -> None:
    """Refuse limits of a column that is not there, and a range of what is no number.

    Raises:
        SettingsError: there are such.
    """
    for name, limit in limits.items():
        setting = f"settings.toml: validation.columns.{name}"
        if name not in known:
            raise SettingsError(f"{setting} is no column of the rows and no feature; they are {', '.join(sorted(known))}")
        if limit.is_range and modalities.get(name, "numbers") != "numbers":
            raise SettingsError(
                f"{setting} has a range, which is for numbers, and it holds {modalities[name]}; take min and max out"
            )


def check_target(rows: pd.DataFrame, data: Data) -> None:
    """Refuse rows from which nothing can be learned.

    Raises:
        SchemaError: the target has one value, or as many as if it were a number.
    """
    values = rows[data.target].nunique()
    if data.task == "classification" and values > max(2, len(rows) // 4) and pd.api.types.is_float_dtype(rows[data.target]):
        raise SchemaError(
            f"settings.toml: data.target = {data.target!r} has {values} different numbers, too many for classes; "
            'set data.task = "regression"'
        )
    if values < 2:
        raise SchemaError(
            f"settings.toml: data.target = {data.target!r} is {rows[data.target].iloc[0]!r} in every row; "
            "there is nothing to learn, choose another target or other rows"
        )


def _wanted(rows: pd.DataFrame, data: Data, columns: Columns, split: Split, views: Sequence[FeatureView]) -> dict[str, str]:
    """The columns that the rows must have, each with the setting that names it."""
    features = features_by_name(views)
    wanted = {
        name: f"columns.{modality}" for modality in MODALITIES for name in getattr(columns, modality) if name not in features
    }
    if data.entity in (*ANSWER, "prediction_id") or data.entity == data.target:
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
