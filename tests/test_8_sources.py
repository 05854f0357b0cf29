"""A project reads a real database, whose password nobody gets to see; a killed pull loses nothing; rows take no memory."""

import json
import os
import random
import sqlite3
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import duckdb
import forks
import pandas as pd
import postgresql
import pytest
from conftest import Render
from PIL import Image
from project import CommandFailed, Project

KILLS = 12
SETTINGS = """
seed = 7
[tables]
visits = %s
[data]
rows = "visits"
task = "classification"
entity = "id"
event_time = "at"
target = "bought"
[columns]
numbers = ["amount"]
text = ["note"]
image = ["picture"]
[split]
by = "id"
test_share = 0.25
[model]
kind = "single"
estimator = "linear"
[gate]
metric = "log_loss"
"""
PULLED = '{ query = "SELECT * FROM visits", url = "%s", watermark = "%s" }'
URL = "postgresql://reader:${SHOP_PASSWORD}@127.0.0.1:${SHOP_PORT}/postgres"
TYPES = ["BIGINT", "DOUBLE", "VARCHAR", "BLOB", "TIMESTAMP WITH TIME ZONE", "BOOLEAN"]
INSERT = "INSERT INTO visits VALUES (%s, %s, %s, %s, now(), %s)"


@pytest.fixture
def owned(render: Render) -> Project:
    """A project whose owner reads no feature store."""
    project = render("copier", model="single")
    readme = (project.folder / "README.md").read_text(encoding="utf-8")
    shown = textwrap.dedent(readme.partition("```python\n")[2].partition("   ```")[0])
    (project.folder / "src" / project.package / "features.py").write_text(shown, encoding="utf-8")
    return project


@pytest.fixture
def database() -> Iterator[postgresql.Database]:
    """A PostgreSQL server with a table of visits."""
    if postgresql.programs() is None:
        absent = "PostgreSQL is absent; apt-get install postgresql to run this test"
        if os.environ.get("CI"):
            pytest.fail(absent)
        pytest.skip(absent)
    with postgresql.running() as running:
        running.execute(
            "CREATE TABLE visits "
            "(id bigint, amount numeric(12, 2), note text, picture bytea, at timestamptz DEFAULT now(), bought boolean)"
        )
        running.execute(INSERT, *(visit(number) for number in range(300)))
        yield running


def visit(number: int) -> tuple[object, ...]:
    """A visit; who pays much buys, and now and then nothing is known of it."""
    amount = number * 37 % 100 + 0.25
    note = None if number % 5 == 0 else f"Größe {number % 7}, 東京 🛒"
    held = BytesIO()
    Image.new("RGB", (16, 16), (int(amount), 0, 0)).save(held, "PNG")
    return 2**60 + number, amount if number % 9 else None, note, held.getvalue() if number % 4 else None, amount > 50


@pytest.mark.slow
def test_project_reads_postgresql(owned: Project, database: postgresql.Database) -> None:
    """It pulls, trains and answers; a second pull lands what is new; without the database there is what was landed."""
    settings(owned, PULLED % (URL, "at"))
    env = {"SHOP_PASSWORD": database.password, "SHOP_PORT": str(database.port)}
    landed = owned.folder / "data" / "landed" / "visits"
    said = [owned.warm(owned.package, "pull", env=env)]
    before = {path: path.read_bytes() for path in landed.glob("*.parquet")}
    said += [owned.warm(owned.package, "run", env=env), owned.warm(owned.package, "predict")]
    scores = json.loads((owned.folder / "artifacts/evaluate/metrics.json").read_text(encoding="utf-8"))["scores"]
    database.execute(INSERT, *(visit(number) for number in range(300, 310)))
    database.execute("UPDATE visits SET note = 'changed', at = clock_timestamp() WHERE id % 100 = 86")
    said += [owned.warm(owned.package, "pull", env=env) for _ in range(2)]

    assert ["visits: rows landed: 300\n", "visits: rows landed: 13\n", "visits: rows landed: 0\n"] == [said[0], *said[3:]]
    assert "visits: rows landed: 0\ningest: running" in said[1]
    assert scores["single"]["all"]["accuracy"] > scores["dummy"]["all"]["accuracy"] + 0.2
    assert json.loads(said[2])["prediction"] in ("True", "False")
    assert 2 == len([*landed.glob("*.parquet")])
    assert before == {path: path.read_bytes() for path in before}
    rows = duckdb.read_parquet(f"{landed}/*.parquet")
    assert TYPES == [str(type_) for type_ in rows.types]
    told = rows.filter("note IS DISTINCT FROM 'changed'").project("id, amount, note, picture, bought")
    assert sorted(map(visit, range(310))) == sorted(told.fetchall())

    wrong = env | {"SHOP_PASSWORD": "wrong-" + database.password}
    said += [refused(owned, "pull", wrong, 'the database refuses: connection failed: connection to server at "127.0.0.1"')]
    said += [refused(owned, "run", {}, "url needs the environment variable SHOP_PASSWORD, which is not set; set it")]
    absent = env | {"SHOP_PORT": "1"}
    said += [refused(owned, "run", absent, "the database refuses: connection failed")]
    said += [owned.warm(owned.package, "step", "ingest"), owned.warm(owned.package, "step", "ingest")]
    assert ["ingest: done\n", "ingest: unchanged\n"] == said[-2:]

    secrets = {text.encode() for text in (database.password, quote(database.password, safe=""), "ss:/%w", "wrong-")}
    held = {path: path.read_bytes() for path in owned.folder.rglob("*") if path.is_file()}
    assert [] == [(path, secret) for secret in secrets for path, content in held.items() if secret in content]
    assert [] == [(text, secret) for secret in secrets for text in said if secret in text.encode()]


def refused(project: Project, command: str, env: dict[str, str], sentence: str) -> str:
    """What a command prints that ends with this sentence, and with nothing else."""
    with pytest.raises(CommandFailed) as failed:
        project.warm(project.package, command, env=env)
    printed = str(failed.value).rpartition("\n  ")[2].partition("\n")[2]

    assert printed.startswith("error: settings.toml: tables.visits: ")
    assert sentence in printed
    assert 1 == printed.count("\n")
    return str(failed.value)


@pytest.mark.slow
def test_a_killed_pull_loses_nothing(owned: Project, tmp_path: Path) -> None:
    """After `kill -9` at any moment there are whole files only, and the pulls after it land every row, none twice."""
    shop = tmp_path / "shop.db"
    settings(owned, PULLED % (f"sqlite:///{shop}", "number"))
    landed = owned.folder / "data" / "landed" / "visits"
    command, env, said = [owned.package, "pull"], owned.environment(), tmp_path / "said.txt"
    rows, killed, seconds = 0, 0, 1.0
    draw = random.Random(7)  # noqa: S311 it draws when to kill
    for turn in range(KILLS):
        with closing(sqlite3.connect(shop)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS visits (number INTEGER, note TEXT)")
            connection.executemany("INSERT INTO visits VALUES (?, ?)", [(row, "x" * 50) for row in range(rows, rows + 20_000)])
        rows += 20_000
        began = time.monotonic()
        with forks.running(command, owned.folder, env, said) as process:
            process.join(draw.uniform(0.4, 1) * seconds if turn else None)
            late = process.exitcode is not None
            killed += not late
            # A pull lasts longer or shorter than the first one, so the kills close in on its end.
            seconds = time.monotonic() - began if not turn else seconds * (0.7 if late else 1.1)
        assert not [*landed.glob("*.parquet")] or len(pd.read_parquet(landed)) <= rows

    owned.warm(owned.package, "pull")
    assert KILLS // 4 < killed
    assert [*range(rows)] == sorted(pd.read_parquet(landed)["number"])
    assert [] == [*landed.glob(".half-*")]


MEASURED = """
import sys
from pathlib import Path
from {package}.data.landing import pull
from {package}.pipeline import ingest
from {package}.settings import read_settings

settings, root, out = read_settings(Path("settings.toml")), Path.cwd(), Path("out")
out.mkdir(exist_ok=True)
if sys.argv[1] == "pull":
    assert int(sys.argv[2]) == pull("visits", settings.tables["visits"], root)
else:
    ingest.run(settings, out, root)
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1])
"""
MANY = 200_000  # from then on buffers have their size
ROWS = "SELECT i AS id, i * 7 % 1000 / 7.0 AS amount, 'words words words words words words ' || i AS note FROM "


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_ten_times_the_rows_take_no_more_memory(ending: str, owned: Project, tmp_path: Path) -> None:
    """The peak of an ingest is at most 1.3 times as high."""
    peaks = []
    for rows in (MANY, 10 * MANY):
        duckdb.sql(f"COPY ({ROWS} range({rows}) t(i)) TO '{tmp_path}/{rows}.{ending}'")
        settings(owned, f'{{ path = "{tmp_path}/{rows}.{ending}" }}')
        peaks.append(measured(owned, "ingest", rows))

    assert peaks[1] <= 1.3 * peaks[0]


@pytest.mark.slow
def test_ten_times_the_rows_take_no_more_memory_to_pull(owned: Project, database: postgresql.Database) -> None:
    """Its peak is at most 1.3 times as high, too: PostgreSQL is asked for a thousand rows at a time."""
    env = {"SHOP_PASSWORD": database.password, "SHOP_PORT": str(database.port)}
    settings(owned, PULLED % (URL, "id"))
    peaks = []
    for first, rows in ((0, MANY // 4), (MANY, 10 * MANY // 4)):
        database.execute("DROP TABLE visits")
        database.execute(f"CREATE TABLE visits AS {ROWS} generate_series({first}, {first + rows - 1}) t(i)")
        peaks.append(measured(owned, "pull", rows, env))

    assert peaks[1] <= 1.3 * peaks[0]


def measured(project: Project, word: str, rows: int, env: Mapping[str, str] | None = None) -> int:
    """The most memory that a process needed, in kB; in one of its own, as that of its parent would count."""
    code = MEASURED.format(package=project.package)
    printed = project.run(str(project.python), "-B", "-c", code, word, str(rows), env=project.environment() | dict(env or {}))
    return int(printed.split()[-1])


def settings(project: Project, table: str) -> None:
    """Write settings of one table."""
    (project.folder / "settings.toml").write_text(SETTINGS % table, encoding="utf-8")
