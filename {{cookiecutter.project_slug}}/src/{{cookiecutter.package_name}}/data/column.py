"""A column of what a database gives, as Arrow: one type, for good. Decimals become floats, as numbers are everywhere here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from .sources import SourceError

TYPES: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    Decimal: pa.float64(),
    str: pa.string(),
    UUID: pa.string(),
    bytes: pa.binary(),
    memoryview: pa.binary(),
    dt.date: pa.date32(),
    dt.time: pa.time64("us"),
}
FORMS: dict[type, Callable[[Any], object]] = {  # what pyarrow does not take as it is
    Decimal: float,
    UUID: str,
    memoryview: bytes,
    # Where pandera is imported, pyarrow 26 takes 02:00+02:00 for 02:00 in UTC.
    dt.datetime: lambda value: value.astimezone(dt.UTC) if value.tzinfo else value,
}
WHOLE = 2**53  # from here on floats run whole numbers together


def array(place: str, values: Sequence[Any], known: pa.DataType) -> pa.Array:
    """The values in the type that they had before, or else in their own; as long as all are null, the type is Arrow's null.

    Args:
        place: the column, as a refusal names it.
        values: of the column, from a driver.
        known: the type before; Arrow's null if none is known.

    Raises:
        SourceError: they have another type than before, or several, or one that no column can have.
    """
    kinds = {*map(type, values)} - {type(None)}
    zones = {"UTC" if value.tzinfo else None for value in values if type(value) is dt.datetime}
    plain = kinds - {dt.datetime}
    types = {known, *(TYPES.get(kind) for kind in plain), *(pa.timestamp("us", zone) for zone in zones)} - {pa.null()}
    if None in types or len(types) > 1:
        listed = " and ".join(sorted(kind.__name__ for kind in kinds))
        before = "" if known == pa.null() else f", and was {known} before"
        raise SourceError(f"{place} holds {listed}{before}; CAST it in the query, to one type of which SQL and Parquet know")
    if any(type(value) is Decimal and abs(float(value)) >= WHOLE and float(value) != value for value in values):
        raise SourceError(f"{place} holds decimals with more digits than a float; CAST it in the query, to bigint or to text")
    if kinds & FORMS.keys():
        values = [FORMS[type(value)](value) if type(value) in FORMS else value for value in values]
    try:
        return pa.array(values, types.pop() if types else pa.null())
    except (pa.ArrowException, OverflowError):
        raise SourceError(f"{place} holds whole numbers beyond 64 bits; CAST it in the query, to text") from None
