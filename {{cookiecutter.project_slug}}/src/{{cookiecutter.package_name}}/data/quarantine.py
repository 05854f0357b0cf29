"""Quarantine: rows that break the schema are put aside, each with its reasons.

It judges a row by itself; whether the others are worth learning from is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

import pandas as pd
import pandera.pandas as pa

from ..sections import Limits
from .limits import wanted, within
from .schema import LARGEST, SchemaError, fits, shown

WANTED = {
    "numbers": f"a number of at most {LARGEST:g}",
    "dates": "a time",
    "time": "a time",
    "image": "a picture",
    "key": "a whole number",
}


def schema(modalities: Mapping[str, str], limits: Mapping[str, Limits], whole: Collection[str]) -> pa.DataFrameSchema:
    """What pandera checks; each check's error is the reason that a row is given.

    Args:
        modalities: column → the form that its values must have.
        limits: column → its range, and whether it may be null.
        whole: columns that may not be null, whatever their limits say.
    """
    columns = {}
    for name in dict.fromkeys((*modalities, *limits, *whole)):
        modality, limit = modalities.get(name, ""), limits.get(name, Limits())
        checks = []
        if modality in WANTED:
            checks.append(pa.Check(partial(fits, modality=modality), error=f"{name!r} is not {WANTED[modality]}"))
        if limit.is_range:
            checks.append(pa.Check(partial(within, limits=limit), error=f"{name!r} is not {wanted(limit)}"))
        columns[name] = pa.Column(None, checks, nullable=limit.null and name not in whole, required=False)
    return pa.DataFrameSchema(columns)


def faults(rows: pd.DataFrame, rules: pa.DataFrameSchema) -> pd.DataFrame:
    """Each value that breaks the schema: its row's index, its column and the reason."""
    try:
        rules.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as errors:
        found: pd.DataFrame = errors.failure_cases[["index", "column", "check"]].set_axis(["row", "column", "reason"], axis=1)
        empty = found["reason"] == "not_nullable"
        return found.assign(reason=found["reason"].mask(empty, found["column"].map(lambda name: f"{name!r} is null")))
    return pd.DataFrame(columns=["row", "column", "reason"])


def put_aside(rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The rows at fault, with a column `reasons` that lists them."""
    reasons = found.groupby("row")["reason"].agg(list)
    return rows.loc[reasons.index].assign(reasons=reasons)


def told(rows: pd.DataFrame, found: pd.DataFrame) -> str:
    """How many rows are at fault, and why, the commonest reason first."""
    counts = ", ".join(f"{reason} in {count}" for reason, count in found["reason"].value_counts().items())
    return f"{found['row'].nunique()} of {len(rows)} rows are bad: {counts}"


def refuse_more(rows: pd.DataFrame, found: pd.DataFrame, table: str, most: float) -> None:
    """Refuse a table of which too large a share is at fault.

    Raises:
        SchemaError: it is; the sentence shows the commonest reason.
    """
    share = found["row"].nunique() / len(rows)
    if share > most:
        counts = found["reason"].value_counts()
        first = found[found["reason"] == counts.index[0]].iloc[0]
        raise SchemaError(
            f"table {table!r}: {100 * share:.2f}% of {len(rows)} rows are bad, more than validation.max_bad_share = {most:g} "
            f"of settings.toml; most often, in {counts.iloc[0]} rows, {counts.index[0]} (row {first['row']}: "
            f"{shown(rows.at[first['row'], first['column']])}); mend the rows, or what the settings say of the column"
        )
