"""What a raw row must hold, and its one form inside the project.

Numbers are float64 with NaN, categories and text are str or None, an image is bytes or None, times are UTC. Training and
serving go through the same door, so neither can see a type that the other does not.
"""

from __future__ import annotations

import datetime as dt
import reprlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..refusal import Refusal

LARGEST = 1e50  # of a number, and of a negative one likewise: its fifth power is still finite


class SchemaError(Refusal):
    """A table that does not hold what the settings say; `bad` marks the rows that are to blame, if it is rows."""

    bad: pd.Series | None = None


def conform(frame: pd.DataFrame, modalities: Mapping[str, str]) -> pd.DataFrame:
    """The frame with each named column in the form of its modality; other columns are left as they are.

    Args:
        frame: raw rows.
        modalities: column → "numbers", "categories", "dates", "text", "image", "time" or "key".

    Raises:
        SchemaError: a value cannot be brought into the form.
    """
    formed = {name: FORMS[modality](frame[name]) for name, modality in modalities.items() if name in frame}
    return frame.assign(**formed)


def fits(column: pd.Series, modality: str) -> pd.Series:
    """Which values can be brought into the form of a modality; a null can."""
    good = pd.Series(True, index=column.index)
    try:
        FORMS[modality](column[column.notna()])
    except SchemaError as error:
        good[error.bad[error.bad].index if error.bad is not None else column.index] = False
    return good


def numbers(column: pd.Series) -> pd.Series:
    """As float64; true is 1. Beyond LARGEST encoders give infinities, on which models fail."""
    is_time = pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column)
    values = pd.to_numeric(column.astype(object) if is_time else column, errors="coerce").astype("float64")
    bad = (values.isna() & column.notna()) | (values.abs() > LARGEST)
    if bad.any():
        raise unfit(column, bad, f"a number of at most {LARGEST:g}")
    return values


def categories(column: pd.Series) -> pd.Series:
    """As str; a whole number is written without its decimals, whether a null made it a float or not."""
    return _objects(column, label)


def text(column: pd.Series) -> pd.Series:
    """As str."""
    return _objects(column, label)


def image(column: pd.Series) -> pd.Series:
    """As bytes."""
    bad = column.map(lambda value: not isinstance(value, bytes | bytearray) and not _is_null(value))
    if bad.any():
        raise unfit(column, bad, "bytes of a picture")
    return _objects(column, bytes)


def times(column: pd.Series) -> pd.Series:
    """As times in UTC, to the microsecond; a time without a zone is UTC."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]")
    # pandas 2 knows no year 2300, and any pandas takes a number for nanoseconds and "now" for the time of the run.
    held = np.array([moment(value) for value in column], dtype="datetime64[us]")
    values = pd.Series(held, index=column.index, name=column.name).dt.tz_localize("UTC")
    bad = values.isna() & column.notna()
    if bad.any():
        raise unfit(column, bad, "a time such as 2026-05-01T12:00:00Z")
    return values


def keys(column: pd.Series) -> pd.Series:
    """As whole numbers, or else as str."""
    column = column.infer_objects()
    if column.isna().any():
        raise SchemaError(f"column {column.name!r}, row {_first(column.isna())}: there is no key; every row needs one")
    if pd.api.types.is_numeric_dtype(column):
        whole = column.where(np.isfinite(column.astype("float64")), 0).astype("int64")
        if (whole != column).any():
            raise unfit(column, whole != column, "a whole number")
        return whole
    return text(column)


FORMS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "numbers": numbers,
    "categories": categories,
    "dates": times,
    "text": text,
    "image": image,
    "time": times,
    "key": keys,
}


def to_json_rows(frame: pd.DataFrame, images: Sequence[str]) -> list[dict[str, Any]]:
    """Rows as JSON values: null for what is missing, base64 for pictures, ISO 8601 for times."""
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
    if isinstance(value, dt.date):  # a time is one too
        return value.isoformat()
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
        for row, value in frame[name].items():
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


def _objects(column: pd.Series, form: Callable[[Any], object]) -> pd.Series:
    held = [None if _is_null(value) else form(value) for value in column]
    return pd.Series(held, index=column.index, name=column.name, dtype=object)


def moment(value: object) -> dt.datetime | None:
    """A time without its zone, in UTC; None for what is no time."""
    try:
        found = dt.datetime.fromisoformat(value if isinstance(value, str) else value.isoformat())  # type: ignore[attr-defined]
        return found.astimezone(dt.UTC).replace(tzinfo=None) if found.tzinfo else found
    except (AttributeError, ValueError, OverflowError):
        return None


def label(value: object) -> str:
    """A category's name, or a text."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _is_null(value: object) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def shown(value: object) -> str:
    """A value as a sentence quotes it."""
    return f"{_plain(value)}" if isinstance(value, dt.date) else reprlib.repr(_plain(value))


def _first(bad: pd.Series) -> Any:
    return bad.index[bad][0]


def unfit(column: pd.Series, bad: pd.Series, wanted: str) -> SchemaError:
    """The first value that does not fit, in words."""
    bad = bad.astype(bool)
    value = column[bad].iloc[0]
    error = SchemaError(
        f"column {column.name!r}, row {_first(bad)}: {shown(value)} is not {wanted}; mend the row, or the setting that names "
        "the column"
    )
    error.bad = bad
    return error
