"""Rows that break the schema are put aside with their reasons; too many of them stop the run."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.data.limits import bounded
from {{ cookiecutter.package_name }}.data.quarantine import faults, put_aside, refuse_more, schema, told
from {{ cookiecutter.package_name }}.data.schema import SchemaError
from {{ cookiecutter.package_name }}.pipeline import validate
from {{ cookiecutter.package_name }}.pipeline.validate import check_columns, check_limits, check_target
from {{ cookiecutter.package_name }}.sections import Data, Limits
from {{ cookiecutter.package_name }}.settings import Settings, SettingsError

DATA = Data(rows="visits", task="classification", entity="user_id", target="bought")
MODALITIES = {"pages": "numbers", "device": "categories", "born": "dates", "photo": "image", "at": "time", "user_id": "key"}
LIMITS = {"pages": Limits(min=0, max=9, unit="pages"), "device": Limits(null=False), "spent": Limits(max=3.5, null=False)}
RULES = schema(MODALITIES, LIMITS, {"user_id", "at"})
GOOD = {"user_id": 7, "at": "2026-05-01", "pages": 3, "device": "tv", "born": None, "photo": b"x", "spent": 3.5}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("pages", "many", "is not a number of at most 1e+50"),
        ("pages", 10, "is not a number from 0 to 9 (pages)"),
        ("pages", -0.1, "is not a number from 0 to 9 (pages)"),
        ("spent", 3.6, "is not a number of at most 3.5"),
        ("spent", None, "is null"),
        ("device", None, "is null"),
        ("born", "yesterday", "is not a time"),
        ("at", 1_772_323_200, "is not a time"),
        ("at", None, "is null"),
        ("photo", "a.png", "is not a picture"),
        ("user_id", 7.5, "is not a whole number"),
        ("user_id", None, "is null"),
    ],
)
def test_a_bad_value_is_found(column: str, value: object, reason: str) -> None:
    """Its row, its column and why it is bad; of a good row nothing is."""
    rows = pd.DataFrame([GOOD, GOOD | {column: value}], index=[4, 9])
    found = faults(rows.astype({column: object} if isinstance(value, str) else {}), RULES)

    assert [{"row": 9, "column": column, "reason": f"{column!r} {reason}"}] == found.to_dict("records")


@pytest.mark.parametrize("limits", [Limits(), Limits(min=1), Limits(max=2, null=False), Limits(min=1, max=2)], ids=str)
@pytest.mark.parametrize("value", [None, float("nan"), 0.9, 1, 2.0, 2.1])
def test_a_value_is_judged_alone_as_in_a_frame(value: float | None, limits: Limits) -> None:
    """One rule for both."""
    try:
        bounded(pd.DataFrame({"pages": [value]}, dtype="float64"), {"pages": limits})
    except SchemaError:
        assert not limits.allows(value)
    else:
        assert limits.allows(value)


def test_an_empty_range_is_refused() -> None:
    """Nothing would be left."""
    with pytest.raises(ValueError, match="min = 2 is above max = 1; swap them"):
        Limits(min=2, max=1)


def test_a_row_is_put_aside_once_with_every_reason() -> None:
    """The other rows are not; the counts tell the commonest reason first."""
    rows = pd.DataFrame([GOOD | {"pages": 12, "device": None}, GOOD, GOOD | {"pages": 11}])
    found = faults(rows, RULES)
    aside = put_aside(rows, found)

    assert [0, 2] == aside.index.tolist()
    assert ["'pages' is not a number from 0 to 9 (pages)", "'device' is null"] == aside["reasons"][0]
    assert told(rows, found) == "2 of 3 rows are bad: 'pages' is not a number from 0 to 9 (pages) in 2, 'device' is null in 1"


def test_too_many_are_one_sentence() -> None:
    """As many as are allowed are not too many."""
    rows = pd.DataFrame([GOOD | {"pages": 12, "device": None}, GOOD, GOOD | {"pages": 11}, GOOD])
    found = faults(rows, RULES)

    refuse_more(rows, found, "visits", most=0.5)
    with pytest.raises(SchemaError, match=r"table 'visits': 50.00% of 4 rows .* in 2 rows, 'pages' is not .* \(row 0: 12\)"):
        refuse_more(rows, found, "visits", most=0.49)


def test_a_few_bad_rows_do_not_stop_a_run(
    root: Path, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They are told, and kept beside the good ones, from which nothing else is taken; a few more stop it."""
    ingest, name, target = tmp_path / "ingest", f"{settings.data.rows}.parquet", settings.data.target
    shutil.copytree(root / "artifacts" / "ingest", ingest)
    rows = pd.read_parquet(ingest / name)
    rows[target] = rows[target].where(rows.index >= 2)
    rows.to_parquet(ingest / name, index=False)

    def run(most: float) -> list[int]:
        limited = settings.validation.model_copy(update={"max_bad_share": most})
        with caplog.at_level(logging.WARNING):
            validate.run(settings.model_copy(update={"validation": limited}), tmp_path, root, ingest)
        return [len(pd.read_parquet(tmp_path / file)) for file in (name, "quarantine.parquet")]

    good, bad = run(most=0.99)
    assert good + bad == len(rows)
    assert bad >= 2
    assert f"{target!r} is null in " in caplog.text
    with pytest.raises(SchemaError, match=f"{target!r} is null"):
        run(most=1 / len(rows))


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"pgaes": Limits()}, "columns.pgaes is no column of the rows and no feature; they are device, pages, spent"),
        ({"device": Limits(min=1)}, "columns.device has a range, which is for numbers, and it holds categories"),
    ],
)
def test_limits_of_nothing_are_refused(limits: dict[str, Limits], sentence: str) -> None:
    """A misspelt column would never be looked at."""
    with pytest.raises(SettingsError) as refused:
        check_limits(limits, MODALITIES, {"device", "pages", "spent"})

    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({"user_id": [1, 2]}, "which table 'visits' does not have, nor features.py; the table's columns are user_id"),
        ({"user_id": [1, 2], "bought": ["yes", "yes"]}, "data.target = 'bought' is 'yes' in every row"),
        ({"user_id": range(9), "bought": [i / 7 for i in range(9)]}, 'set data.task = "regression"'),
    ],
)
def test_rows_from_which_nothing_can_be_learned_are_refused(rows: dict[str, list[object]], sentence: str) -> None:
    """A missing column, a target of one value, or of as many values as there are rows."""

    def check(frame: pd.DataFrame) -> None:
        check_columns(frame, "visits", {"user_id": "data.entity", "bought": "data.target"})
        check_target(frame, DATA)

    with pytest.raises(SchemaError) as refused:
        check(pd.DataFrame(rows))

    assert sentence in str(refused.value)
