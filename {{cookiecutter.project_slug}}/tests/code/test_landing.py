"""What a database has that is new lands once, whole, in the types it had; no secret of its URL is told."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from {{ cookiecutter.package_name }}.data.batches import ROWS
from {{ cookiecutter.package_name }}.data.column import array
from {{ cookiecutter.package_name }}.data.landing import pull
from {{ cookiecutter.package_name }}.data.sources import SourceError, batches, files, landed
from {{ cookiecutter.package_name }}.sections import Columns
from {{ cookiecutter.package_name }}.tables import Table

Shop = Callable[..., None]
MAY = "2026-05-0"
FIRST = [(1, "ü", MAY + "1"), (2, None, MAY + "2")]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Adds rows to the table `visits` of a SQLite file, or runs other SQL there."""

    def run(*rows: tuple[object, ...], sql: str = "INSERT INTO visits VALUES (?, ?, ?)") -> None:
        with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
            connection.executemany(sql, rows)

    run((), sql="CREATE TABLE visits (id INTEGER, note, at TEXT)")
    run(*FIRST)
    return run


@pytest.fixture
def visits(tmp_path: Path) -> Table:
    """Reads that table, the times being the watermark."""
    return Table(query="SELECT * FROM visits;", url="sqlite:///" + (tmp_path / "shop.db").as_posix(), watermark="at")


def test_a_pull_lands_what_is_new(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """Each in a file of its own; the files before stay as they are, and without a new row there is none."""
    assert 2 == pull("visits", visits, tmp_path)
    before = [path.read_bytes() for path in landed("visits", visits, tmp_path)]
    shop((3, "c", MAY + "3"))

    assert [1, 0] == [pull("visits", visits, tmp_path) for _ in range(2)]
    assert before == [path.read_bytes() for path in landed("visits", visits, tmp_path)[:1]]
    assert [*FIRST, (3, "c", MAY + "3")] == _rows(tmp_path, visits)
    assert 2 == len(landed("visits", visits, tmp_path))


def test_rows_of_one_moment_land_once_each(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """Those that join the last watermark later, too, were they equal to one that is there."""
    pull("visits", visits, tmp_path)
    shop((2, None, MAY + "2"), (3, "c", MAY + "2"))

    assert [2, 0] == [pull("visits", visits, tmp_path) for _ in range(2)]
    shop((2, None, MAY + "2"))

    assert [1, 0] == [pull("visits", visits, tmp_path) for _ in range(2)]
    assert [1, 2, 2, 3, 2] == [row[0] for row in _rows(tmp_path, visits)]


def test_a_changed_row_lands_beside_what_it_was(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """What was landed is a log: no pull takes back what an earlier one told."""
    pull("visits", visits, tmp_path)
    shop((MAY + "3",), sql="UPDATE visits SET note = 'mended', at = ? WHERE id = 1")
    shop((), sql="DELETE FROM visits WHERE id = 2")

    assert 1 == pull("visits", visits, tmp_path)
    assert [*FIRST, (1, "mended", MAY + "3")] == _rows(tmp_path, visits)


def test_without_a_watermark_a_pull_replaces(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """The table is landed whole; one that lost all its rows is refused, and what was landed stays."""
    whole = visits.model_copy(update={"watermark": None})
    pull("visits", whole, tmp_path)
    shop((3, 4, MAY + "3"), (4, 5, MAY + "4"))
    shop((), sql="DELETE FROM visits WHERE id < 3")

    assert 2 == pull("visits", whole, tmp_path)
    assert [3, 4] == [row[0] for row in _rows(tmp_path, whole)]
    shop((), sql="DELETE FROM visits")
    with pytest.raises(SourceError, match="has no row"):
        pull("visits", whole, tmp_path)
    assert [3, 4] == [row[0] for row in _rows(tmp_path, whole)]


def test_another_query_starts_anew(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """What was landed for the other is not read, and goes once there is something in its place."""
    pull("visits", visits, tmp_path)
    other = visits.model_copy(update={"query": "SELECT at, id FROM visits WHERE id = 2 -- one"})

    with pytest.raises(SourceError, match="nothing was landed from its url yet; type `pull`"):
        files("visits", other, tmp_path)
    assert 1 == pull("visits", other, tmp_path)
    assert [(MAY + "2", 2)] == _rows(tmp_path, other)
    assert landed("visits", other, tmp_path) == list((tmp_path / "data" / "landed" / "visits").glob("*.parquet"))


def test_a_type_is_known_from_the_first_value_on(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """Within a pull and from one to the next; a column of nulls alone fits any type, and no value is cast to another."""
    shop(sql="DELETE FROM visits")
    shop((), sql="DELETE FROM visits")
    shop(*[(number, None, MAY + "1") for number in range(ROWS)])
    pull("visits", visits, tmp_path)
    shop(*[(number, None, MAY + "2") for number in range(ROWS)], (0, "07", MAY + "3"))
    pull("visits", visits, tmp_path)
    shop((0, None, MAY + "4"))
    pull("visits", visits, tmp_path)
    before = _rows(tmp_path, visits)
    shop((0, 7, MAY + "5"))

    assert [pa.null(), pa.string(), pa.string()] == [
        pq.read_schema(path).field("note").type for path in landed("visits", visits, tmp_path)
    ]
    assert [None, "07", None] == [row[1] for row in before[-3:]]
    with pytest.raises(SourceError, match="visits: column 'note' holds int, and was string before; CAST it in the query"):
        pull("visits", visits, tmp_path)
    assert before == _rows(tmp_path, visits)


def test_a_pull_that_ends_early_leaves_nothing(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """What a killed one left half-written is not read, and the next pull removes it."""
    shop(*[(number, "a", MAY + "1") for number in range(ROWS)], (0, 7, MAY + "3"))
    folder = tmp_path / "data" / "landed" / "visits"
    (folder / ".half-of-a-killed-one").mkdir(parents=True)
    (folder / ".half-of-a-killed-one" / "whole").write_bytes(b"PAR1")

    with pytest.raises(SourceError, match="column 'note' holds int and str"):
        pull("visits", visits, tmp_path)
    assert [".lock"] == [path.name for path in folder.iterdir()]


def test_two_pulls_at_once_land_a_row_once(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """One waits for the other, and then finds nothing new."""
    shop(*[(number, "a", MAY + "3") for number in range(5 * ROWS)])
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: pull("visits", visits, tmp_path), range(2)))

    assert [0, 5 * ROWS + 2] == sorted(counts)


@pytest.mark.parametrize(
    ("query", "mark", "sentence"),
    [
        ("SELECT * FROM visit", "at", "the database refuses: no such table: visit; see that it can be reached, or mend url"),
        ("SELECT id FROM visits", "at", "the query gives id; it has to give each name once, and the watermark if there is one"),
        ("SELECT id, id FROM visits", None, "the query gives id, id; it has to give each name once"),
        ("SELECT id, note FROM visits", "note", "watermark 'note' is null in a row; take a column of times"),
        ("SELECT id, 1.5 AS at FROM visits", "at", "watermark 'at' is double; take a column of times or of whole numbers"),
        ("SELECT * FROM visits WHERE id > 9", "at", "tables.visits has no row; check its query"),
        ("SELECT * FROM visits WHERE id > 9", None, "tables.visits has no row; check its query"),
    ],
)
def test_what_cannot_be_landed_is_one_sentence(
    tmp_path: Path, shop: Shop, visits: Table, query: str, mark: str | None, sentence: str
) -> None:
    """A query that fails, gives no row, or tells not what is new."""
    shop(("2026-05-03",), sql="UPDATE visits SET at = ? WHERE id = 2")

    with pytest.raises(SourceError) as refused:
        pull("visits", visits.model_copy(update={"query": query, "watermark": mark}), tmp_path)

    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_row_that_loses_its_watermark_is_not_passed_over(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """No later pull would see it: the database is asked for such rows, and they are refused."""
    pull("visits", visits, tmp_path)
    shop((3, "c", None))

    with pytest.raises(SourceError, match="watermark 'at' is null in a row"):
        pull("visits", visits, tmp_path)


def test_columns_that_come_and_go_are_refused(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """With `*` in the query a change of the table would else make new rows of old ones."""
    pull("visits", visits, tmp_path)
    shop((), sql="ALTER TABLE visits ADD COLUMN more INTEGER")

    with pytest.raises(SourceError, match="gave id, note, at and gives id, note, at, more now; name its columns in"):
        pull("visits", visits, tmp_path)


def test_signs_of_a_query_are_its_own(tmp_path: Path, shop: Shop, visits: Table) -> None:
    """A colon begins no parameter, and a percent sign is one."""
    odd = visits.model_copy(update={"query": "SELECT at, ':at' AS a, '50 %s' AS b, 7 % 4 AS c FROM visits WHERE at LIKE '%1'"})
    pull("visits", odd, tmp_path)

    assert [(MAY + "1", ":at", "50 %s", 3)] == _rows(tmp_path, odd)


@pytest.mark.parametrize(
    ("values", "held", "type_"),
    [
        ([Decimal("1.50"), None, 2.5], [1.5, None, 2.5], pa.float64()),
        ([UUID(int=1), "a"], [str(UUID(int=1)), "a"], pa.string()),
        ([memoryview(b"png"), b"jpg"], [b"png", b"jpg"], pa.binary()),
        ([dt.date(2026, 5, 1)], [dt.date(2026, 5, 1)], pa.date32()),
        ([dt.datetime(2026, 5, 1)], [dt.datetime(2026, 5, 1)], pa.timestamp("us")),
        (
            [dt.datetime(2026, 5, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2)))],
            [dt.datetime(2026, 5, 1, tzinfo=dt.UTC)],
            pa.timestamp("us", "UTC"),
        ),
    ],
)
def test_a_value_keeps_what_it_is(values: list[Any], held: list[Any], type_: pa.DataType) -> None:
    """Decimals become floats, unique ids text, and times with a zone the same moments in UTC."""
    made = array("column 'x'", values, pa.null())

    assert (held, type_) == (made.to_pylist(), made.type)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1, 1.5], "holds float and int; CAST it"),
        ([True, 2], "holds bool and int; CAST it"),
        ([dt.datetime(2026, 5, 1), dt.datetime(2026, 5, 1, tzinfo=dt.UTC)], "holds datetime; CAST it"),
        ([["a"]], "holds list; CAST it"),
        ([2**63], "holds whole numbers beyond 64 bits"),
        ([Decimal(2**60 + 1)], "holds decimals with more digits than a float"),
    ],
)
def test_a_value_that_would_become_another_is_refused(values: list[Any], sentence: str) -> None:
    """Rather than cast."""
    with pytest.raises(SourceError, match=sentence):
        array("column 'x'", values, pa.null())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:hunter2@db/shop",
        "postgresql://reader:${SHOP}hunter2@db/shop",
        "postgresql://reader:${SHOP}%40hunter2@db/shop",
        "postgresql://db/shop?user=reader&password=hunter2",
        "mssql+pyodbc://?odbc_connect=SERVER%3Ddb%3BPWD%3Dhunter2",
        "reader:hunter2@db",
    ],
)
def test_a_password_in_the_settings_is_refused(url: str) -> None:
    """Its sentence does not repeat it."""
    with pytest.raises(ValidationError) as refused:
        Table(query="SELECT 1", url=url)

    assert "hunter2" not in str(refused.value.errors()[0]["ctx"]["error"])
    assert "; put it into the environment" in str(refused.value) or "expected a URL such as" in str(refused.value)


def test_what_came_from_the_environment_is_not_told(
    tmp_path: Path, shop: Shop, visits: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver may quote what it was given; the sentence has stars in its place."""
    shop()
    (tmp_path / "shop.db").rename(tmp_path / "hunter2.db")
    url = "sqlite:///" + (tmp_path / "${SHOP_PASSWORD}.db").as_posix()
    secret = visits.model_copy(update={"url": url, "query": "SELECT * FROM hunter2"})

    with pytest.raises(SourceError, match="url needs the environment variable SHOP_PASSWORD, which is not set; set it"):
        pull("visits", secret, tmp_path)
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    with pytest.raises(SourceError, match=r"the database refuses: no such table: \*\*\*; see") as refused:
        pull("visits", secret, tmp_path)
    assert refused.value.__suppress_context__
    assert 2 == pull("visits", visits.model_copy(update={"url": url}), tmp_path)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql+pymysql://u:${SHOP}@db/shop", "the driver pymysql is not installed; install it by `uv add pymysql`"),
        ("shop://u:${SHOP}@db/shop", "url is none that SQLAlchemy knows"),
        ("sqlite://u:${SHOP}@db:${SHOP}/shop", "url is none that SQLAlchemy knows"),
        ("sqlite://${HOST}/shop", "a variable of url holds an @; give user and password variables of their own"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence(
    tmp_path: Path, visits: Table, monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    """A driver that is not there, an unknown database, a port that is no number; the value in question is not told."""
    monkeypatch.setenv("SHOP", "hunter2")
    monkeypatch.setenv("HOST", "u:hunter2@db")

    with pytest.raises(SourceError) as refused:
        pull("visits", visits.model_copy(update={"url": url}), tmp_path)

    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)


def _rows(root: Path, table: Table) -> list[tuple[Any, ...]]:
    """What the pipeline reads."""
    read = batches("visits", table, files("visits", table, root), Columns(numbers=("id",)), seed=1)
    return [tuple(row.values()) for row in pa.Table.from_batches(read).to_pylist()]
