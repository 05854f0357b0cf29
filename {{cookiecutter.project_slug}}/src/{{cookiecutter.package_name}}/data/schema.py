"""What a raw row must hold, and its one form inside the project.

Numbers are float64 with NaN, categories and text are str or None, an image is bytes or None, times are UTC. Training and
serving go through the same door, so neither can see a type that the other does not.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..refusal import Refusal
from ..sections import Data


class SchemaError(Refusal):
    """A table that does not hold what the settings say."""


def conform(frame: pd.DataFrame, modalities: Mapping[str, str]) -> pd.DataFrame:
    """The frame with each named column in the form of its modality; other columns are left as they are.

    Args:
        frame: raw rows.
        modalities: column → "numbers", "categories", "text", "image", "time" or "key".

    Raises:
        SchemaError: a value cannot be brought into the form.
    """
    formed = {name: FORMS[modality](frame[name]) for name, modality in modalities.items() if name in frame}
    return frame.assign(**formed)


def numbers(column: pd.Series) -> pd.Series:
    """As float64; true is 1."""
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise _unfit(column, column.notna() | True, "a finite number", "numbers")
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    bad = (values.isna() & column.notna()) | np.isinf(values)
    if bad.any():
        raise _unfit(column, bad, "a finite number", "numbers")
    return values


def categories(column: pd.Series) -> pd.Series:
    """As str; a whole number is written without its decimals, whether a null made it a float or not."""
    return _objects(column, _label)


def text(column: pd.Series) -> pd.Series:
    """As str."""
    return _objects(column, _label)


def image(column: pd.Series) -> pd.Series:
    """As bytes."""
    bad = column.map(lambda value: not isinstance(value, bytes | bytearray) and not _is_null(value))
    if bad.any():
        raise _unfit(column, bad, "bytes of a picture", "image")
    return _objects(column, bytes)


def times(column: pd.Series) -> pd.Series:
    """As times in UTC, to the microsecond; a time without a zone is UTC."""
    if pd.api.types.is_numeric_dtype(column):
        raise _unfit(column, column.notna(), "a time such as 2026-05-01T12:00:00Z", "event_time")
    form = "ISO8601" if pd.api.types.is_string_dtype(column) else None
    values = pd.to_datetime(column, utc=True, errors="coerce", format=form)
    bad = values.isna() & column.notna()
    if bad.any():
        raise _unfit(column, bad, "a time such as 2026-05-01T12:00:00Z", "event_time")
    return values.astype("datetime64[us, UTC]")


def keys(column: pd.Series) -> pd.Series:
    """As whole numbers, or else as str."""
    column = column.infer_objects()
    if column.isna().any():
        raise SchemaError(f"column {column.name!r}, row {_first(column.isna())}: there is no key; every row needs one")
    if pd.api.types.is_numeric_dtype(column):
        whole = column.astype("int64")
        if (whole != column).any():
            first = _first(whole != column)
            raise SchemaError(f"column {column.name!r}, row {first}: {column.iloc[first]} is no whole number; mend the key")
        return whole
    return text(column)


FORMS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "numbers": numbers,
    "categories": categories,
    "text": text,
    "image": image,
    "time": times,
    "key": keys,
}


def to_json_rows(frame: pd.DataFrame, images: Sequence[str]) -> list[dict[str, Any]]:
    """Rows as JSON values: null for what is missing, base64 for pictures."""
    rows = frame.astype(object).to_dict(orient="records")
    return [
        {
            str(name): None if _is_null(value) else b64encode(value).decode() if name in images else _plain(value)
            for name, value in row.items()
        }
        for row in rows
    ]


def from_json_rows(rows: Sequence[Mapping[str, Any]], images: Sequence[str]) -> pd.DataFrame:
    """The frame that such rows stand for; its types are those of the values until `conform` gives them their form.

    Raises:
        SchemaError: a picture is not base64.
    """
    frame = pd.DataFrame(list(rows), dtype=object)
    for name in images:
        if name in frame:
            held = [_picture(name, row, value) for row, value in enumerate(frame[name])]
            frame[name] = pd.Series(held, index=frame.index, dtype=object)
    return frame


def _picture(name: str, row: int, value: object) -> bytes | None:
    if _is_null(value):
        return None
    try:
        return b64decode(str(value), validate=True)
    except ValueError:
        raise SchemaError(
            f"column {name!r}, row {row}: the value is not base64; send the bytes of the picture encoded so"
        ) from None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def with_bytes(frame: pd.DataFrame, images: tuple[str, ...], folder: Path) -> tuple[pd.DataFrame, list[Path]]:
    """The frame with the paths of its image columns replaced by what those files hold, and the files read.

    Args:
        frame: raw rows; an image column holds bytes, or paths as text.
        images: the image columns.
        folder: where a relative path begins.

    Raises:
        SchemaError: a file is absent.
    """
    read: list[Path] = []
    for name in images:
        if name not in frame or not frame[name].map(lambda value: isinstance(value, str)).any():
            continue
        held: list[bytes | None] = []
        for row, value in enumerate(frame[name]):
            if _is_null(value):
                held.append(None)
                continue
            path = folder / str(value)
            if not path.is_file():
                raise SchemaError(f"column {name!r}, row {row}: no picture at {str(path)!r}; mend the path or leave it empty")
            held.append(path.read_bytes())
            read.append(path)
        frame = frame.assign(**{name: pd.Series(held, index=frame.index, dtype=object)})
    return frame, read


def check_rows(frame: pd.DataFrame, table: str, wanted: Mapping[str, str], data: Data) -> None:
    """Refuse rows from which nothing can be learned.

    Args:
        frame: the rows that are predicted.
        table: their name, for the message.
        wanted: column → the setting that names it.
        data: what is predicted.

    Raises:
        SchemaError: a column is missing, the key or the target is null, or the target has one value.
    """
    for name, setting in wanted.items():
        if name not in frame:
            raise SchemaError(
                f"settings.toml: {setting} names {name!r}, which table {table!r} does not have, nor features.py; "
                f"the table's columns are {', '.join(map(str, frame.columns))}"
            )
    whole = {data.entity: "data.entity", data.target: "data.target"}
    whole |= {name: setting for name, setting in wanted.items() if setting in ("data.event_time", "split.by")}
    for name, setting in whole.items():
        nulls = int(frame[name].isna().sum())
        if nulls:
            raise SchemaError(f"settings.toml: {setting} = {name!r} is null in {nulls} of {len(frame)} rows; fill or drop them")
    if data.task == "regression":
        numbers(frame[data.target])
    elif frame[data.target].nunique() > max(2, len(frame) // 4) and pd.api.types.is_float_dtype(frame[data.target]):
        raise SchemaError(
            f"settings.toml: data.target = {data.target!r} has {frame[data.target].nunique()} different numbers, too many for "
            'classes; set data.task = "regression"'
        )
    if frame[data.target].nunique() < 2:
        raise SchemaError(
            f"settings.toml: data.target = {data.target!r} is {frame[data.target].iloc[0]!r} in every row; "
            "there is nothing to learn, choose another target or other rows"
        )


def _objects(column: pd.Series, form: Callable[[Any], object]) -> pd.Series:
    held = [None if _is_null(value) else form(value) for value in column]
    return pd.Series(held, index=column.index, name=column.name, dtype=object)


def _label(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_null(value: object) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def _first(bad: pd.Series) -> int:
    return int(np.flatnonzero(bad.to_numpy())[0])


def _unfit(column: pd.Series, bad: pd.Series, wanted: str, modality: str) -> SchemaError:
    """The first value that does not fit, in words."""
    row = _first(bad)
    value = _plain(column.iloc[row])
    shown = value.isoformat() if isinstance(value, dt.datetime) else repr(value)
    return SchemaError(
        f"column {column.name!r}, row {row}: {shown[:80]} is not {wanted}; mend the row or list the column under another "
        f"modality than {modality}"
    )
