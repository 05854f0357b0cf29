"""One form of a raw row, whichever way it came in."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.data.schema import (
    SchemaError,
    conform,
    fits,
    from_json_rows,
    to_json_rows,
    with_bytes,
)

MODALITIES = {"pages": "numbers", "device": "categories", "born": "dates", "note": "text", "photo": "image", "at": "time"}


def test_a_frame_survives_json() -> None:
    """What a request carries as JSON is what a file holds: null stays null, bytes stay bytes, a moment the same moment."""
    born = [pd.Timestamp("2026-03-29 01:30+01:00"), None]
    frame = pd.DataFrame(
        {"pages": [1.5, None], "device": ["tv", None], "born": born, "note": ["ü", ""], "photo": [b"\x89PNG", None]},
        dtype=object,
    )
    images = ("photo",)

    again = from_json_rows(json.loads(json.dumps(to_json_rows(frame, images))), images)

    pd.testing.assert_frame_equal(conform(frame, MODALITIES), conform(again, MODALITIES))


@pytest.mark.parametrize("column", [pd.Series([3, 4]), pd.Series([3.0, 4.0]), pd.Series(["3", "4"])])
def test_a_category_is_named_alike_whatever_its_type(column: pd.Series[float]) -> None:
    """A null elsewhere in a file turns whole numbers into floats; the categories stay the same."""
    assert conform(column.to_frame("device"), MODALITIES)["device"].tolist() == ["3", "4"]


def test_times_are_utc() -> None:
    """A zone is converted, and none is taken for UTC."""
    column = pd.Series(["2026-05-01T12:00:00", "2026-05-01T14:00:00+02:00"], dtype=object)

    assert conform(column.to_frame("at"), MODALITIES)["at"].nunique() == 1


def test_times_are_those_of_the_calendar() -> None:
    """The years 1 and 9999 are in it, whatever the version of pandas; the type is the same as a file's."""
    column = pd.Series(["0001-01-01", None, "9999-12-31T23:59:59.999999Z"], dtype=object, name="at")
    held = conform(column.to_frame(), MODALITIES)["at"]

    assert "datetime64[us, UTC]" == str(held.dtype)
    assert [1, 9999] == held.dropna().dt.year.tolist()


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("pages", "many", "column 'pages', row 1: 'many' is not a number"),
        ("pages", pd.Timestamp("2026-05-01"), "column 'pages', row 1: 2026-05-01T00:00:00 is not a number"),
        ("pages", float("inf"), "column 'pages', row 1: inf is not a number"),
        ("photo", 7, "column 'photo', row 1: 7 is not bytes of a picture"),
        ("pages", -2e50, r"column 'pages', row 1: -2e\+50 is not a number of at most 1e\+50"),
        ("at", "yesterday", "column 'at', row 1: 'yesterday' is not a time such as"),
        ("at", 1_772_323_200, "column 'at', row 1: 1772323200 is not a time such as"),
        ("born", "now", "column 'born', row 1: 'now' is not a time such as"),
    ],
)
def test_a_value_of_the_wrong_type_is_one_sentence(column: str, value: object, sentence: str) -> None:
    """It names the column, the row and what was found."""
    frame = pd.DataFrame({column: pd.Series([None, value], dtype=object)})

    with pytest.raises(SchemaError, match=sentence):
        conform(frame, MODALITIES)


def test_what_fits_is_told_value_by_value() -> None:
    """A null fits."""
    assert [True, True, False, True] == fits(pd.Series(["3", None, "many", 4.5], dtype=object), "numbers").tolist()
    assert [False, True, True] == fits(pd.Series([1.5, None, 2]), "key").tolist()


def test_a_path_becomes_the_bytes_of_its_picture(tmp_path: Path) -> None:
    """The model sees bytes, wherever the picture lay."""
    (tmp_path / "a.png").write_bytes(b"picture")
    frame = pd.DataFrame({"photo": ["a.png", None]})

    held, read = with_bytes(frame, ("photo",), tmp_path)

    assert (held["photo"].tolist(), read) == ([b"picture", None], [tmp_path / "a.png"])


def test_an_absent_picture_is_one_sentence(tmp_path: Path) -> None:
    """It names the column, the row and the path."""
    with pytest.raises(SchemaError, match=r"column 'photo', row 0: no picture at .*b\.png"):
        with_bytes(pd.DataFrame({"photo": ["b.png"]}), ("photo",), tmp_path)
