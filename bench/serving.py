"""The API against the same pipeline behind MLflow's server, over equal rows, in one run; what HTTP costs; a soak.

    python bench/serving.py [--soak MINUTES]

Renders the default project, runs it and serves it with this script's own libraries (`make install`). Either server has two
workers; the callers, who share the cores with them, are a process of their own. MLflow's gets what the model reads and gives a
class. The API looks the key up, tells more, and has logged the answer. A soak asks at seven tenths of what the API bore, and
holds its memory and its log to account. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import copier
import pandas as pd
import psutil  # type: ignore[import-untyped] # locust brings it
from callers import Caller, request

ROOT, CALLERS = Path(__file__).resolve().parents[1], Path(__file__).resolve().with_name("callers.py")
WORKERS, CONNECTIONS, SECONDS, ROUNDS = 2, 8, 6.0, 3
STREAKS, STREAK = 20, 50  # requests of one caller
SOAKED, SOAK_CONNECTIONS, EDGE = 0.7, 16, 0.1  # the first tenth of a soak warms up; the second and the last are compared
LEAST_RATIO, MOST_SPREAD, MOST_OVERHEAD, MOST_GROWTH = 2.0, 5.0, 1.5, 0.05
PATIENCE = 120.0

# As its owner would hand the promoted pipeline to MLflow: columns with their types, pictures as base64.
SAVE = """
import sys
from pathlib import Path

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from next_pick import registry

found = registry.load(Path("models"))
types = {"numbers": "double", "image": "binary", "dates": "datetime"}
columns = [ColSpec(types.get(kind, "string"), name, required=False) for name, kind in found.card.columns.modalities().items()]
signature = ModelSignature(inputs=Schema(columns))
how = {"serialization_format": "cloudpickle", "pip_requirements": []}
mlflow.sklearn.save_model(found.pipeline, sys.argv[1], signature=signature, **how)
"""


def main() -> int:
    """Print each measure against its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="how long (default 0: none); 10 tell enough")
    minutes = parser.parse_args().soak
    with tempfile.TemporaryDirectory() as folder:
        project = rendered(Path(folder) / "project")
        rows = rows_of(project)
        bodies = [json.dumps(row) for row in rows]
        with api(project) as (port, process):
            capacity, *kept = against_mlflow(project, port, rows, bodies)
            kept.append(alone(project, port, rows, bodies))
            if minutes:
                kept += soak(project, port, process, bodies, SOAKED * capacity, 60 * minutes)
    print("every bound is kept" if all(kept) else "MISSED: see above")
    return int(not all(kept))


def rendered(folder: Path) -> Path:
    """A default project that has run."""
    copier.run_copy(str(ROOT), folder, defaults=True, quiet=True, vcs_ref="HEAD")
    python(folder, "-m", "next_pick", "run")
    return folder


def python(project: Path, *words: str) -> None:
    """Run Python in a project."""
    subprocess.run([sys.executable, *words], cwd=project, env=environment(project), check=True, capture_output=True)


def environment(project: Path) -> dict[str, str]:
    """That of a process that finds the project's package and MLflow's uvicorn, and keeps its compiled modules."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    held = {"PATH": path, "PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": ""}
    return os.environ | held | {"MLFLOW_DISABLE_TELEMETRY": "true"}


def rows_of(project: Path) -> list[dict[str, Any]]:
    """Rows of the test set, key and all, as JSON values; MLflow's server takes no null for a picture."""
    sys.path.insert(0, str(project / "src"))
    card = import_module("next_pick.registry").load(project / "models").card
    schema = import_module("next_pick.data.schema")
    frame = schema.conform(pd.read_parquet(project / "artifacts" / "test_set" / "test.parquet"), card.columns.modalities())
    frame = frame.dropna(subset=[*card.columns.image])
    rows: list[dict[str, Any]] = schema.to_json_rows(frame[[card.data.entity, *card.columns.names]], card.columns.image)
    return rows


@contextmanager
def started(command: list[str], project: Path, said: Path, port: Callable[[], int], path: str) -> Iterator[tuple[int, int]]:
    """A server once it says that it is ready, and its process; on the way out it is told to end."""
    with said.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, cwd=project, stdout=out, stderr=out, env=environment(project))
    try:
        end = time.monotonic() + PATIENCE
        while not (port() and is_well(port(), path)):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"it does not serve: {said.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.1)
        yield port(), process.pid
    finally:
        family = []
        if process.poll() is None:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
        _, left = psutil.wait_procs(family, timeout=PATIENCE / 4)
        for each in left:
            each.kill()
        process.wait()


def is_well(port: int, path: str) -> bool:
    """Whether a server answers at all of its workers' ready path."""
    try:
        return bool(urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status == 200)
    except (URLError, OSError):
        return False


@contextmanager
def api(project: Path) -> Iterator[tuple[int, int]]:
    """The project's own server."""
    said = project / "served.jsonl"

    def port() -> int:
        found = re.search(r"running on http://[^:]+:(\d+)", said.read_text(encoding="utf-8"))
        return int(found[1]) if found else 0

    with started(
        [sys.executable, "-m", "next_pick", "serve", "--workers", str(WORKERS), "--port", "0"], project, said, port, "/ready"
    ) as found:
        yield found


@contextmanager
def mlflow(project: Path) -> Iterator[tuple[int, int]]:
    """MLflow's server over the same pipeline."""
    model = project / "mlflow_model"
    python(project, "-c", SAVE, str(model))
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        number = free.getsockname()[1]
    serve = ["-m", "mlflow", "models", "serve", "--env-manager", "local", "--workers", str(WORKERS), "--port", str(number)]
    with started([sys.executable, *serve, "-m", str(model)], project, project / "mlflow.txt", lambda: number, "/ping") as found:
        yield found


def called(
    port: int,
    path: str,
    bodies: list[str],
    seconds: float,
    connections: int = CONNECTIONS,
    rate: float | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """What callers of a process of their own found; `meanwhile` is called twice a second."""
    order = {"port": port, "path": path, "bodies": bodies, "connections": connections, "seconds": seconds, "rate": rate}
    with tempfile.TemporaryFile("w+") as asked, tempfile.TemporaryFile("w+") as said:
        json.dump(order, asked)
        asked.seek(0)
        callers = subprocess.Popen([sys.executable, str(CALLERS)], stdin=asked, stdout=said)
        while callers.poll() is None:
            time.sleep(0.5)
            meanwhile()
        said.seek(0)
        found: dict[str, Any] = json.load(said)
    return found


def per_second(found: dict[str, Any]) -> float:
    """Answers a second.

    Raises:
        RuntimeError: a request failed.
    """
    if found["statuses"].keys() != {"200"}:
        raise RuntimeError(f"requests failed: {found['statuses']}")
    return float(found["statuses"]["200"] / found["seconds"])


def against_mlflow(project: Path, port: int, rows: list[dict[str, Any]], bodies: list[str]) -> list[Any]:
    """What the API bears, and whether it keeps the bounds of throughput and spread."""
    entity = next(iter(rows[0]))
    theirs = [json.dumps({"dataframe_records": [{name: row[name] for name in row if name != entity}]}) for row in rows]
    with mlflow(project) as (other, _):
        sides = {"/predict": (port, bodies), "/invocations": (other, theirs)}
        for path, (at, asked) in sides.items():
            called(at, path, asked, SECONDS / 2)
        rounds = [{path: called(at, path, asked, SECONDS) for path, (at, asked) in sides.items()} for _ in range(ROUNDS)]
    ours, plain = (max((each[path] for each in rounds), key=per_second) for path in sides)
    low, high = pd.Series(ours["milliseconds"]).quantile([0.5, 0.99])
    told = f"{per_second(ours):.0f} / {per_second(plain):.0f} a second"
    print(f"{'the callers could ask':45}{ours['statuses']['200'] / ours['cpu']:6.0f} times a second on a core of their own")
    return [
        per_second(ours),
        line("answers a second, of MLflow's", per_second(ours) / per_second(plain), LEAST_RATIO, told, least=True),
        line(f"p99 of p50, {CONNECTIONS} callers who never pause", high / low, MOST_SPREAD, f"{high:.1f} ms / {low:.1f} ms"),
    ]


def alone(project: Path, port: int, rows: list[dict[str, Any]], bodies: list[str]) -> bool:
    """Whether one caller with one row waits little longer than for the predictor itself.

    Each asks streaks of rows, by turns, for a process that has waited is slow at first; the best median of a streak counts:
    what else the machine does only ever adds.
    """
    predictor = import_module("next_pick.serving.predictor").load_predictor(project)
    now, caller = dt.datetime.now(dt.UTC), Caller(port)
    requests = [request("/predict", body) for body in bodies]
    medians: tuple[list[float], list[float]] = ([], [])
    for start in range(0, STREAKS * STREAK, STREAK):
        places = [number % len(rows) for number in range(start, start + STREAK)]
        medians[0].append(median(lambda place: caller.ask(requests[place]), places))
        medians[1].append(median(lambda place: predictor.answer_rows([rows[place]], now), places))
    over, plain = map(min, medians)
    return line("HTTP and log beyond the predictor, ms at p50", over - plain, MOST_OVERHEAD, f"{over:.2f} ms - {plain:.2f} ms")


def median(work: Callable[[int], object], places: list[int]) -> float:
    """The middle of the milliseconds that it takes for each place."""
    milliseconds = []
    for place in places:
        began = time.perf_counter()
        work(place)
        milliseconds.append(1000 * (time.perf_counter() - began))
    return statistics.median(milliseconds)


def soak(project: Path, port: int, process: int, bodies: list[str], rate: float, seconds: float) -> list[bool]:
    """Whether the API keeps its memory, its word and its log at a rate that it can bear for long."""
    before, began, resident = logged(project), time.monotonic(), dict[float, int]()

    def look() -> None:
        family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
        resident[time.monotonic() - began] = sum(each.memory_info().rss for each in family)

    told = called(port, "/predict", bodies, seconds, SOAK_CONNECTIONS, rate, look)
    good, bad = told["statuses"].pop("200", 0), told["statuses"]
    memory = pd.Series(resident) / 2**20
    early = memory[(memory.index >= EDGE * seconds) & (memory.index < 2 * EDGE * seconds)].mean()
    late = memory[(memory.index >= (1 - EDGE) * seconds) & (memory.index < seconds)].mean()
    low, high = pd.Series(told["milliseconds"]).quantile([0.5, 0.99])
    print(f"{'soak':45}{good:6d} answers in {seconds / 60:g} min, {rate:.0f} a second; p50 {low:.1f} ms, p99 {high:.1f} ms")
    return [
        line("memory grown, share", late / early - 1, MOST_GROWTH, f"{early:.0f} MiB, then {late:.0f} MiB"),
        line("requests that failed", sum(bad.values()), 0, f"{bad or 'none'}"),
        line("answers that the log lacks, or has too many", abs(logged(project) - before - good), 0, f"{good} were given"),
    ]


def logged(project: Path) -> int:
    """How many answers there are in the log."""
    count = 0
    for path in (project / "predictions").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            count += connection.execute("SELECT count(*) FROM predictions").fetchone()[0]
    return count


def line(what: str, found: float, bound: float, detail: str, *, least: bool = False) -> bool:
    """Print a measure and whether it keeps its bound."""
    kept = found >= bound if least else found <= bound
    side = "at least" if least else "at most"
    print(f"{what:45}{found:6.2f}  {side} {bound:.2f}  {'kept' if kept else 'MISSED'}  ({detail})", flush=True)
    return bool(kept)


if __name__ == "__main__":
    sys.exit(main())
