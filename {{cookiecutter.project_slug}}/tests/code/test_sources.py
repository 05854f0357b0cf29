"""Raw tables come from CSV, Parquet or SQL, and are refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.data.sources import SourceError, read, read_files
from {{ cookiecutter.package_name }}.sections import Columns, Table

ROWS = pd.DataFrame({"user_id": [1, 2, 3], "pages": [3.0, None, 5.0], "note": ["a", "ü, 'b'", None]})


def test_csv_parquet_and_sql_give_the_same_rows(tmp_path: Path) -> None:
    """The source does not show in the rows."""
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    ROWS.to_parquet(tmp_path / "rows.parquet", index=False)
    with duckdb.connect(str(tmp_path / "rows.duckdb")) as duck:
        duck.execute("CREATE TABLE rows AS FROM read_parquet(?)", [str(tmp_path / "rows.parquet")])

    for table in (
        Table(path="rows.csv"),
        Table(path="rows.parquet"),
        Table(path=str(tmp_path / "*.parquet")),
        Table(query="FROM rows ORDER BY user_id", database="rows.duckdb"),
    ):
        pd.testing.assert_frame_equal(ROWS, _read(table, tmp_path), check_dtype=False)


def test_a_word_in_a_csv_stays_a_word(tmp_path: Path) -> None:
    """Categories, text and labels are not guessed to be truth values, times or numbers; without being asked for, they are."""
    (tmp_path / "rows.csv").write_text("id,bought,at\n1,yes,7:05\n2,no,7:10\n", encoding="utf-8")

    assert read_files([tmp_path / "rows.csv"], ["bought", "at", "no such column"])["bought"].tolist() == ["yes", "no"]
    assert read_files([tmp_path / "rows.csv"], ["at"])["at"].tolist() == ["7:05", "7:10"]


def test_large_keys_beside_a_null_stay_apart(tmp_path: Path) -> None:
    """As floats, two keys near 2^60 would be one."""
    (tmp_path / "rows.csv").write_text(f"id,x\n{2**60},1\n{2**60 + 1},2\n,3\n", encoding="utf-8")

    assert read_files([tmp_path / "rows.csv"])["id"].tolist()[:2] == [2**60, 2**60 + 1]


def test_a_folder_is_the_sum_of_its_files(tmp_path: Path) -> None:
    """Files of one folder are read one after another, by name; other files in it are left alone."""
    (tmp_path / "raw").mkdir()
    ROWS[:2].to_csv(tmp_path / "raw" / "1.csv", index=False)
    ROWS[2:].to_csv(tmp_path / "raw" / "2.csv", index=False)
    (tmp_path / "raw" / "README").write_text("not a table", encoding="utf-8")

    assert _read(Table(path="raw"), tmp_path)["user_id"].tolist() == [1, 2, 3]


def test_a_time_without_a_zone_is_utc(tmp_path: Path) -> None:
    """Whatever the machine's time zone is."""
    (tmp_path / "rows.csv").write_text("at\n2026-03-29T02:30:00\n2026-03-29T02:30:00Z\n", encoding="utf-8")

    assert _read(Table(path="rows.csv"), tmp_path)["at"].nunique() == 1


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (Table(path="none.csv"), "no file at 'none.csv'"),
        (Table(path="none/*.csv"), "no file at 'none/*.csv'"),
        (Table(path="rows.xlsx"), "give all as .csv or all as .parquet"),
        (Table(path="empty.csv"), "has no row"),
        (Table(path="torn.parquet"), "cannot be read"),
        (Table(query="FROM nothing", database="db.duckdb"), "the query fails"),
        (Table(query="FROM nothing", database="none.duckdb"), "no file at 'none.duckdb'"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_sentence(tmp_path: Path, table: Table, sentence: str) -> None:
    """An absent, empty, torn or foreign file, and a query that fails."""
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    (tmp_path / "empty.csv").write_text("a,b\n", encoding="utf-8")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    duckdb.connect(str(tmp_path / "db.duckdb")).close()

    with pytest.raises(SourceError) as refused:
        _read(table, tmp_path)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def _read(table: Table, root: Path) -> pd.DataFrame:
    return read("rows", table, root, Columns(numbers=("pages",)), seed=1)
