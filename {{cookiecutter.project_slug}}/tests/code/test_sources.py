"""Raw tables come from CSV, Parquet or SQL, and are refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from {{ cookiecutter.package_name }}.data.batches import ROWS, as_frame
from {{ cookiecutter.package_name }}.data.schema import SchemaError
from {{ cookiecutter.package_name }}.data.sources import SourceError, batches, files, frames, read_files
from {{ cookiecutter.package_name }}.pipeline import ingest
from {{ cookiecutter.package_name }}.sections import Columns
from {{ cookiecutter.package_name }}.settings import Settings
from {{ cookiecutter.package_name }}.tables import Table

TABLE = pd.DataFrame({"user_id": [1, 2, 3], "pages": [3.0, None, 5.0], "note": ["a", "ü, 'b'", None]})


def test_csv_parquet_and_sql_give_the_same_rows(tmp_path: Path) -> None:
    """The source does not show in the rows."""
    TABLE.to_csv(tmp_path / "rows.csv", index=False)
    TABLE.to_parquet(tmp_path / "rows.parquet", index=False)
    with duckdb.connect(str(tmp_path / "rows.duckdb")) as duck:
        duck.execute("CREATE TABLE rows AS FROM read_parquet(?)", [str(tmp_path / "rows.parquet")])

    for table in (
        Table(path="rows.csv"),
        Table(path="rows.parquet"),
        Table(path=str(tmp_path / "*.parquet")),
        Table(query="FROM rows ORDER BY user_id", database="rows.duckdb"),
    ):
        pd.testing.assert_frame_equal(TABLE, _read(table, tmp_path), check_dtype=False)


def test_a_word_in_a_csv_stays_a_word(tmp_path: Path) -> None:
    """Categories, text and labels are not guessed to be truth values, times or numbers; without being asked for, they are."""
    (tmp_path / "rows.csv").write_text("id,bought,at\n1,yes,7:05\n2,no,7:10\n", encoding="utf-8")

    assert read_files([tmp_path / "rows.csv"], ["bought", "at", "no such column"])["bought"].tolist() == ["yes", "no"]
    assert read_files([tmp_path / "rows.csv"], ["at"])["at"].tolist() == ["7:05", "7:10"]


def test_large_keys_beside_a_null_stay_apart(tmp_path: Path) -> None:
    """As floats, two keys near 2^60 would be one."""
    (tmp_path / "rows.csv").write_text(f"id,x\n{2**60},1\n{2**60 + 1},2\n,3\n", encoding="utf-8")

    assert read_files([tmp_path / "rows.csv"])["id"].tolist()[:2] == [2**60, 2**60 + 1]


def test_every_frame_has_the_same_types(tmp_path: Path) -> None:
    """A null in a later one changes none: neither whole numbers nor truth values become something else beside it."""
    whole = [*range(ROWS), None]
    rows = pd.DataFrame({"id": pd.array(whole, "Int32"), "was": pd.array([None, *[True] * ROWS], "boolean")})
    rows.to_parquet(tmp_path / "rows.parquet")
    first, *others = [frame for frame in frames([tmp_path / "rows.parquet"]) if len(frame)]

    assert [1] == [len(frame) for frame in others]
    assert all(first.dtypes.equals(frame.dtypes) for frame in others)
    assert whole == [None if pd.isna(value) else value for frame in (first, *others) for value in frame["id"]]


def test_a_folder_is_the_sum_of_its_files(tmp_path: Path) -> None:
    """Files of one folder are read one after another, by name; other files in it are left alone."""
    (tmp_path / "raw").mkdir()
    TABLE[:2].to_csv(tmp_path / "raw" / "1.csv", index=False)
    TABLE[2:].to_csv(tmp_path / "raw" / "2.csv", index=False)
    (tmp_path / "raw" / "README").write_text("not a table", encoding="utf-8")

    assert _read(Table(path="raw"), tmp_path)["user_id"].tolist() == [1, 2, 3]


def test_files_of_a_folder_may_have_columns_of_their_own(tmp_path: Path) -> None:
    """What a file lacks is null in its rows, a column of nulls has the type of the others, and whole numbers join floats."""
    (tmp_path / "raw").mkdir()
    TABLE.to_parquet(tmp_path / "raw" / "1.parquet", index=False)
    other = {"by": ["ada"], "note": pa.nulls(1), "user_id": pa.array([4.0]), "pages": pa.array([7], pa.int8())}
    pq.write_table(pa.table(other), tmp_path / "raw" / "2.parquet")

    found = _read(Table(path="raw"), tmp_path)

    assert [1, 2, 3, 4] == found["user_id"].tolist()
    assert ["a", "ü, 'b'", None, None] == [None if pd.isna(value) else value for value in found["note"]]
    assert [None, None, None, "ada"] == [None if pd.isna(value) else value for value in found["by"]]
    assert [3.0, 5.0, 7.0] == found["pages"].dropna().tolist()


def test_pictures_beside_paths_of_pictures_are_refused(tmp_path: Path) -> None:
    """Read as one column, the letters of a path would be taken for a picture; a file without any is at home with both."""
    for name, held in (("1", pa.nulls(1)), ("2", pa.array(["a.png"])), ("3", pa.array([b"\x89PNG"]))):
        pq.write_table(pa.table({"avatar": held}), tmp_path / f"{name}.parquet")

    for names in ("12", "13"):
        read_files([tmp_path / f"{name}.parquet" for name in names])
    with pytest.raises(SourceError, match=r"column 'avatar' holds bytes in .*3.parquet and not in .*2.parquet; give both"):
        read_files([tmp_path / f"{name}.parquet" for name in "123"])


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
        (Table(path="torn.parquet"), "cannot be read"),
        (Table(path="late.csv"), "CSV Error on Line: 30002; mend the file"),
        (Table(query="FROM nothing", database="db.duckdb"), "the query fails"),
        (Table(query="FROM nothing", database="none.duckdb"), "no file at 'none.duckdb'"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_sentence(tmp_path: Path, table: Table, sentence: str) -> None:
    """An absent, torn or foreign file, a value far down that is no number, and a query that fails."""
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    (tmp_path / "late.csv").write_text("a,b\n" + "1,2\n" * 30_000 + "many,2\n", encoding="utf-8")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    duckdb.connect(str(tmp_path / "db.duckdb")).close()

    with pytest.raises(SourceError) as refused:
        _read(table, tmp_path)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_table_without_a_row_is_refused(tmp_path: Path, settings: Settings, name: str) -> None:
    """Whatever its format."""
    (tmp_path / "none.csv").write_text("a,b\n", encoding="utf-8")
    TABLE[:0].to_parquet(tmp_path / "none.parquet")

    with pytest.raises(SourceError, match="has no row; check its path or query"):
        _ingest(tmp_path, settings, Table(path=name))


def test_what_was_ingested_is_read_as_it_came(tmp_path: Path, settings: Settings) -> None:
    """Large whole numbers beside a null are told apart in what the next step reads, and times have microseconds."""
    times = pd.to_datetime(["2026-05-01T12:00:00.123456789Z"] * 3)
    rows = pd.DataFrame({"id": pd.array([2**60, 2**60 + 1, None], "Int64"), "at": times.as_unit("ns")})
    rows.to_parquet(tmp_path / "rows.parquet")

    found = _ingest(tmp_path, settings, Table(path="rows.parquet"))

    assert [2**60, 2**60 + 1, None] == [None if pd.isna(value) else value for value in found["id"]]
    assert [123456] * 3 == found["at"].dt.microsecond.tolist()
    assert [0] * 3 == found["at"].dt.nanosecond.tolist()


def test_pictures_are_read_batch_by_batch(tmp_path: Path, settings: Settings) -> None:
    """Paths become bytes wherever in the table they stand; one that leads nowhere is named with its row."""
    (tmp_path / "a.png").write_bytes(b"png")
    rows = pd.DataFrame({"photo": [None] * ROWS + ["a.png", "b.png"]})
    rows[:-1].to_parquet(tmp_path / "rows.parquet")
    with_photo = settings.model_copy(update={"columns": Columns(image=("photo",))})

    assert [None, b"png"] == _ingest(tmp_path, with_photo, Table(path="rows.parquet"))["photo"].tolist()[-2:]
    rows.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(SchemaError, match=f"column 'photo', row {ROWS + 1}: no picture at"):
        _ingest(tmp_path, with_photo, Table(path="rows.parquet"))


def _ingest(root: Path, settings: Settings, table: Table) -> pd.DataFrame:
    out = root / "ingest"
    out.mkdir(exist_ok=True)
    ingest.run(settings.model_copy(update={"tables": {"rows": table}}), out, root)
    return pd.read_parquet(out / "rows.parquet")


def _read(table: Table, root: Path) -> pd.DataFrame:
    read = batches("rows", table, files("rows", table, root), Columns(numbers=("pages",)), seed=1)
    return as_frame(pa.Table.from_batches(read))
