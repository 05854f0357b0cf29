"""One form of a raw row, whichever way it came in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.data.schema import (
    SchemaError,
    check_rows,
    conform,
    from_json_rows,
    to_json_rows,
    with_bytes,
)
from {{ cookiecutter.package_name }}.sections import Data

MODALITIES = {"pages": "numbers", "device": "categories", "note": "text", "photo": "image", "at": "time"}
DATA = Data(rows="visits", task="classification", entity="user_id", target="bought")


def test_a_frame_survives_json() -> None:
    """What a request carries as JSON is what a file holds: null stays null, bytes stay bytes."""
    frame = pd.DataFrame(
        {"pages": [1.5, None], "device": ["tv", None], "note": ["ü", ""], "photo": [b"\x89PNG", None]}, dtype=object
    )
    images = ("photo",)

    again = from_json_rows(to_json_rows(frame, images), images)

    pd.testing.assert_frame_equal(conform(frame, MODALITIES), conform(again, MODALITIES))


@pytest.mark.parametrize("column", [pd.Series([3, 4]), pd.Series([3.0, 4.0]), pd.Series(["3", "4"])])
def test_a_category_is_named_alike_whatever_its_type(column: pd.Series[float]) -> None:
    """A null elsewhere in a file turns whole numbers into floats; the categories stay the same."""
    assert conform(column.to_frame("device"), MODALITIES)["device"].tolist() == ["3", "4"]


def test_times_are_utc() -> None:
    """A zone is converted, and none is taken for UTC."""
    column = pd.Series(["2026-05-01T12:00:00", "2026-05-01T14:00:00+02:00"], dtype=object)

    assert conform(column.to_frame("at"), MODALITIES)["at"].nunique() == 1


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("pages", "many", "column 'pages', row 1: 'many' is not a finite number"),
        ("pages", pd.Timestamp("2026-05-01"), "column 'pages', row 1: 2026-05-01T00:00:00 is not a finite number"),
        ("pages", float("inf"), "column 'pages', row 1: inf is not a finite number"),
        ("photo", 7, "column 'photo', row 1: 7 is not bytes of a picture"),
        ("at", "yesterday", "column 'at', row 1: 'yesterday' is not a time such as"),
    ],
)
def test_a_value_of_the_wrong_type_is_one_sentence(column: str, value: object, sentence: str) -> None:
    """It names the column, the row and what was found."""
    frame = pd.DataFrame({column: pd.Series([None, value], dtype=object)})

    with pytest.raises(SchemaError, match=sentence):
        conform(frame, MODALITIES)


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


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({"user_id": [1, 2]}, "which table 'visits' does not have, nor features.py; the table's columns are user_id"),
        ({"user_id": [1, 2], "bought": ["yes", "yes"]}, "data.target = 'bought' is 'yes' in every row"),
        ({"user_id": [1, 2], "bought": ["yes", None]}, "data.target = 'bought' is null in 1 of 2 rows"),
        ({"user_id": [1.0, None], "bought": ["yes", "no"]}, "data.entity = 'user_id' is null in 1 of 2 rows"),
        ({"user_id": range(9), "bought": [i / 7 for i in range(9)]}, 'set data.task = "regression"'),
    ],
)
def test_rows_from_which_nothing_can_be_learned_are_refused(rows: dict[str, list[object]], sentence: str) -> None:
    """A missing column, a null key or target, a target of one value, or of as many values as there are rows."""
    with pytest.raises(SchemaError) as refused:
        check_rows(pd.DataFrame(rows), "visits", {"user_id": "data.entity", "bought": "data.target"}, DATA)

    assert sentence in str(refused.value)
