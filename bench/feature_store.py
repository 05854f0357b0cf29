"""The feature store against Feast on DuckDB, polars and bare SQLite, over equal rows, in one run; results are compared first.

    python bench/feature_store.py [--large]

Each work runs in a process of its own, several times by turns, and the best time counts: machines are noisy. Memory is what a
process took at its peak, beyond its imports and its labels. `--large` adds 10^8 rows under 2 GiB: half an hour, and 20 GB of
disk.
Ends with 1 if a bound is missed.
"""

import datetime as dt
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FEAST = Path(sys.prefix) / "feast" / "bin" / "python"
ROUNDS = 3
LABELS = 100_000
DAYS = 60
START = "2026-01-01"
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)

# Rows, keys, the share of rows with one hot key, the share that arrives late, days that a value holds.
CASES: dict[str, tuple[int, int, float, float, int | None]] = {
    "even": (10**6, 10**5, 0.0, 0.1, 7),
    "skewed": (10**6, 10**3, 0.0, 0.1, None),
    "hot": (10**6, 10**5, 0.2, 0.1, 7),
    "punctual": (10**6, 10**5, 0.0, 0.0, 7),
    "eight": (10**6, 10**5, 0.0, 0.1, 7),
    "ten": (10**7, 10**6, 0.0, 0.1, 7),
    "hundred": (10**8, 10**6, 0.0, 0.1, 7),
}

Work = Callable[[], Any]


def store_module(name: str) -> Any:
    """A module of the rendered project's store, its own or Feast's."""
    return import_module(f"next_pick.feature_store.{name}")


def raw(case: str, path: Path) -> None:
    """Write the raw table of a case."""
    import duckdb

    rows, keys, hot, late, _ = CASES[case]
    query = f"""
        SELECT * EXCLUDE (delay), event_time + to_microseconds(CASE WHEN delay < {late} THEN (delay * 2e12)::BIGINT ELSE 0 END)
            AS created_time
        FROM (
            SELECT
                CASE WHEN random() < {hot} THEN 0 ELSE (random() * {keys})::BIGINT END AS user_id,
                TIMESTAMPTZ '{START}' + to_microseconds((random() * {DAYS} * 86400e6)::BIGINT) AS event_time,
                random() AS delay,
                random() * 100 AS a,
                (random() * 50)::BIGINT AS b,
                'g' || (random() * 20)::INT AS c
            FROM range({rows})
        )
    """  # noqa: S608 numbers of this file
    with duckdb.connect() as duck:
        duck.execute("SET TimeZone = 'UTC'; SET threads = 1")
        duck.execute("SELECT setseed(0.7)").fetchall()
        duck.sql(query).write_parquet(str(path))


def views(case: str) -> list[Any]:
    """A view of all columns; eight of them in the case of that name."""
    made = store_module("views")
    ttl = CASES[case][4]
    found = []
    for number in range(8 if case == "eight" else 1):
        columns = {"a": "float", "b": "int", "c": "str"}
        features = tuple(made.Feature(f"{name}{number}", dtype, "A column") for name, dtype in columns.items())
        named = ", ".join(f"{name} AS {name}{number}" for name in columns)
        sql = f"SELECT user_id, event_time, created_time, {named} FROM raw"  # noqa: S608 names of this file
        spell = None if ttl is None else dt.timedelta(days=ttl)
        found.append(made.FeatureView(f"view{number}", "user_id", sql, features, "Rows", "bench@example.com", spell))
    return found


def labels(case: str) -> Any:
    """Keys as skewed as the rows, and times."""
    import numpy as np
    import pandas as pd

    _, keys, hot, *_ = CASES[case]
    draw = np.random.default_rng(1)
    key = np.where(draw.random(LABELS) < hot, 0, draw.integers(0, keys, LABELS))
    at = pd.Timestamp(START, tz="UTC") + pd.to_timedelta(draw.integers(0, DAYS * 86400 * 10**6, LABELS), unit="us")
    return pd.DataFrame({"user_id": key, "at": pd.Series(at).astype("datetime64[us, UTC]")})


def materialize(case: str, store: Path) -> Work:
    """Write a store from a raw table."""
    write, tables = store_module("materialization").materialize_incremental, {"raw": store.parent / f"{case}.parquet"}
    return lambda: write(store, views(case), tables, NOW, memory_limit="2GiB")


def online_write(case: str, store: Path) -> Work:
    """Write the online store alone, from the offline one that is there."""
    catalog = store_module("catalog")
    held, write = catalog.read_catalog(store), store_module("online").write_online
    return lambda: write(catalog.Catalog(), held, store, time.time_ns(), NOW, None)


def history(case: str, store: Path) -> Work:
    """The join of the project's own store; BENCH_LIMIT bounds its memory."""
    opened, asked, limit = store_module("store").FeatureStore(store), labels(case), os.environ.get("BENCH_LIMIT")
    names = [name for view in opened.views for name in view.names]
    return lambda: opened.get_historical_features(asked, names, "at", memory_limit=limit)


def feast_history(case: str, store: Path) -> Work:
    """Feast's join over the same files, asked for rows that were known, with as little around it as can be."""
    feast, repository = import_module("feast"), store_module("repository")
    logs = list(store_module("catalog").read_catalog(store).logs.values())
    opened = feast.FeatureStore(config=repository.repository(Path(tempfile.mkdtemp()) / "online.db"))
    opened.apply([*repository.definitions(logs, {log.view.name: store / "offline" / log.view.name for log in logs})])
    asked = labels(case).rename(columns={"at": "event_timestamp"}).assign(row=range(LABELS))
    features = [f"{log.view.name}:{name}" for log in logs for name in log.view.names]

    def ask() -> Any:
        found = opened.get_historical_features(entity_df=asked, features=features, filter_by_created_timestamp=True)
        return found.to_df().sort_values("row")[[name for log in logs for name in log.view.names]]

    return ask


def polars_history(case: str, store: Path) -> Work:
    """Polars' join_asof over the same files; it knows no created time, so the rows are those that are never late."""
    pl = import_module("polars")
    asked, ttl = pl.from_pandas(labels(case)).with_row_index("row"), CASES[case][4]

    def ask() -> Any:
        rows = pl.scan_parquet(str(store / "offline" / "*" / "*.parquet")).select("user_id", "event_time", "a0", "b0", "c0")
        keyed = {"left_on": "at", "right_on": "event_time", "by": "user_id", "tolerance": f"{ttl}d"}
        joined = asked.lazy().sort("at").join_asof(rows.sort("event_time"), **keyed).sort("row")
        return joined.select("a0", "b0", "c0").collect().to_pandas()

    return ask


def scan(_: str, store: Path) -> Work:
    """Read each column that the join needs."""
    import duckdb
    import pandas as pd

    columns = ("user_id", "epoch_us(event_time)", "epoch_us(created_time)", "write_number", "a0", "b0", "c0")
    query = f"SELECT {', '.join(f'max({name})' for name in columns)} FROM '{store}/offline/*/*.parquet'"  # noqa: S608

    def ask() -> Any:
        with duckdb.connect() as duck:
            return pd.DataFrame(duck.sql(query).fetchall()).add_prefix("most")

    return ask


def reads(case: str, store: Path) -> dict[str, float]:
    """Microseconds, median, of reading one key and a hundred."""
    opened, names = store_module("store").FeatureStore(store), ["a0", "b0", "c0"]
    entities = [{"user_id": key * 7 % CASES[case][1]} for key in range(2000)]
    return timed(lambda some: opened.get_online_features(names, some, NOW), entities)


def feast_reads(case: str, store: Path) -> dict[str, float]:
    """The same by Feast alone."""
    feast, catalog = import_module("feast"), store_module("catalog").read_catalog(store)
    opened = feast.FeatureStore(config=store_module("repository").repository(store / next(iter(catalog.online))))
    features = [f"view0:{name}" for name in ("a0", "b0", "c0")]
    entities = [{"user_id": key * 7 % CASES[case][1]} for key in range(2000)]
    return timed(lambda some: opened.get_online_features(features=features, entity_rows=some).to_dict(), entities)


def sqlite_reads(case: str, store: Path) -> dict[str, float]:
    """The same by SQLite alone: a select by key on an open connection, and the row as it comes."""
    path = next(iter(store_module("catalog").read_catalog(store).online))
    sqlite = sqlite3.connect(f"file:{store / path}?mode=ro&immutable=1", uri=True)
    query = 'SELECT "view0.event_time", a0, b0, c0 FROM "by user_id" WHERE user_id = ?'
    keys = [{"user_id": key * 7 % CASES[case][1]} for key in range(2000)]
    return timed(lambda some: [sqlite.execute(query, (entity["user_id"],)).fetchone() for entity in some], keys)


def timed(ask: Callable[[list[Any]], Any], entities: list[Any]) -> dict[str, float]:
    """Microseconds, median: of one entity, and of a hundred in a call."""

    def median(groups: list[list[Any]]) -> float:
        taken = []
        for some in groups:
            began = time.perf_counter_ns()
            ask(some)
            taken.append(time.perf_counter_ns() - began)
        return statistics.median(taken) / 1000

    return {
        "one": median([[entity] for entity in entities]),
        "hundred": median([entities[at : at + 100] for at in range(0, len(entities), 100)] * 5),
    }


def imports() -> dict[str, float]:
    """Seconds to import the store, and which third-party packages that takes."""
    before = set(sys.modules)
    began = time.perf_counter()
    store_module("store")
    seconds = time.perf_counter() - began
    names = {name.split(".")[0] for name in set(sys.modules) - before} & {
        "duckdb",
        "pandas",
        "pyarrow",
        "numpy",
        "pydantic",
        "feast",
    }
    return {"seconds": seconds, "packages": len(names)}


WORKS: dict[str, Callable[[str, Path], Work]] = {
    work.__name__: work for work in (materialize, online_write, history, feast_history, polars_history, scan)
}
READS = {read.__name__: read for read in (reads, feast_reads, sqlite_reads)}


def work(name: str, case: str, store: Path, result: Path) -> None:
    """Do one work in this process; tells its seconds and megabytes, and leaves the rows that it gave."""
    if name == "imports":
        told: dict[str, float] = imports()
    elif name in READS:
        told = READS[name](case, store)
    else:
        ask = WORKS[name](case, store)
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # from here on the peak is this work's
        began = time.perf_counter()
        found = ask()
        told = {"seconds": time.perf_counter() - began}
        told["megabytes"] = resident("VmHWM") - before
        if hasattr(found, "to_parquet"):
            found.reset_index(drop=True).astype({column: "float64" for column in found if column[0] in "ab"}).to_parquet(result)
    sys.stdout.write(json.dumps(told) + "\n")


def resident(what: str) -> float:
    """Megabytes of this process: VmRSS now, VmHWM at most."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what)]
    return int(line.split()[1]) / 1024


class Bench:
    """Two rendered projects, and the stores that works are done on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.missed = folder, False
        self.pythons = {"own": Path(sys.executable), "feast": FEAST, "polars": folder / "polars" / "bin" / "python"}
        for name, answer in (("own", "duckdb"), ("feast", "feast")):
            command = ["copier", "copy", "--defaults", "--quiet", "--vcs-ref", "HEAD", "--data", f"feature_store={answer}"]
            subprocess.run(
                [sys.executable, "-m", *command, str(ROOT), str(folder / name)], check=True, stderr=subprocess.DEVNULL
            )
        uv, python = str(Path(sys.executable).with_name("uv")), str(self.pythons["polars"])
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "polars")], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "polars", "pandas", "pyarrow"], check=True)

    def do(self, name: str, case: str, by: str = "own", store: str = "", limit: str | None = None) -> dict[str, float]:
        """A work in a process of its own; what it told."""
        project = "feast" if by == "feast" else "own"
        env = os.environ | {"PYTHONPATH": str(self.folder / project / "src")} | ({"BENCH_LIMIT": limit} if limit else {})
        store_, result = self.folder / (store or f"{case}.{project}"), self.folder / f"{case}.{name}.result"
        command = [str(self.pythons[by]), __file__, "--work", name, case, str(store_), str(result)]
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{name} of {case} by {by}: exit status {ran.returncode}\n{ran.stderr[-2000:]}")
        told: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
        return told

    def best(self, *works: tuple[Any, ...]) -> list[dict[str, float]]:
        """Some works by turns, several times; the least of what each took."""
        rounds = [[self.do(*one) for one in works] for _ in range(ROUNDS)]
        return [{what: min(turn[at][what] for turn in rounds) for what in rounds[0][at]} for at in range(len(works))]

    def made(self, *cases: str) -> None:
        """Make the raw tables and the stores of some cases."""
        for case in cases:
            raw(case, self.folder / f"{case}.parquet")
            self.do("materialize", case)

    def equal(self, case: str, one: str, other: str) -> None:
        """Compare what two works gave, to the bit."""
        import pandas as pd

        left, right = (pd.read_parquet(self.folder / f"{case}.{name}.result") for name in (one, other))
        pd.testing.assert_frame_equal(left, right, check_dtype=False, check_exact=True)
        print(f"{case}: {len(left)} rows of {one} and {other} are equal, {int(left.iloc[:, 0].notna().sum())} with a value")

    def bound(self, what: str, found: float, most: float) -> None:
        """Print a figure and whether it keeps its bound."""
        self.missed |= found > most
        print(f"{what:76}{found:8.2f}  at most {most}  {'kept' if found <= most else 'MISSED'}", flush=True)


def main(large: bool) -> int:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        bench.made("even", "skewed", "hot", "punctual", "eight", "ten")
        for case, seconds, megabytes in (("even", 0.5, 0.45), ("skewed", 0.02, None), ("eight", 0.25, None)):
            own, other = bench.best(("history", case), ("feast_history", case, "feast", f"{case}.own"))
            bench.equal(case, "history", "feast_history")
            bench.bound(
                f"history, {case}: time / Feast's ({other['seconds']:.2f} s)", own["seconds"] / other["seconds"], seconds
            )
            if megabytes:
                ratio = own["megabytes"] / other["megabytes"]
                bench.bound(f"history, {case}: memory / Feast's ({other['megabytes']:.0f} MB)", ratio, megabytes)
        even, hot = bench.best(("history", "even"), ("history", "hot"))
        bench.bound("history, one hot key: time / even keys'", hot["seconds"] / even["seconds"], 2)
        own, read, limited = bench.best(("history", "ten"), ("scan", "ten"), ("history", "ten", "own", "", "500MB"))
        bench.bound(f"history, 10^7 rows: time / scan ({read['seconds']:.2f} s)", own["seconds"] / read["seconds"], 2.5)
        bench.bound("history, 10^7 rows under 500 MB: time / without a limit", limited["seconds"] / own["seconds"], 2.5)
        own, other = bench.best(("history", "punctual"), ("polars_history", "punctual", "polars", "punctual.own"))
        bench.equal("punctual", "history", "polars_history")
        bench.bound(f"history: time / polars' ({other['seconds']:.2f} s)", own["seconds"] / other["seconds"], 1.5)
        bench.bound(f"history: memory / polars' ({other['megabytes']:.0f} MB)", own["megabytes"] / other["megabytes"], 1 / 8)
        bench.do("materialize", "even", "feast")
        own, other = bench.best(("online_write", "even"), ("online_write", "even", "feast"))
        bench.bound(
            f"online, 10^5 entities: time / Feast's ({other['seconds']:.1f} s)", own["seconds"] / other["seconds"], 1 / 10
        )
        ratio = own["megabytes"] / other["megabytes"]
        bench.bound(f"online, 10^5 entities: memory / Feast's ({other['megabytes']:.0f} MB)", ratio, 1 / 6)
        own, other, bare = bench.best(("reads", "even"), ("feast_reads", "even", "feast"), ("sqlite_reads", "even"))
        bench.bound(f"one key: time / Feast's ({other['one']:.0f} µs)", own["one"] / other["one"], 1 / 14)
        bench.bound(f"a hundred keys: time / Feast's ({other['hundred']:.0f} µs)", own["hundred"] / other["hundred"], 1 / 23)
        bench.bound(f"one key: time / bare SQLite's ({bare['one']:.1f} µs)", own["one"] / bare["one"], 1.5)
        (taken,) = bench.best(("imports", "even"))
        bench.bound("import of the store, seconds", taken["seconds"], 0.2)
        bench.bound("import of the store, packages", taken["packages"], 2)
        if large:
            bench.made("hundred")
            told = bench.do("history", "hundred", "own", "", "2GiB")
            print(f"history, 10^8 rows under 2 GiB: {told['seconds']:.0f} s, {told['megabytes']:.0f} MB")
    return int(bench.missed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))
    else:
        sys.exit(main("--large" in sys.argv[1:]))
