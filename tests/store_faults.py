"""What a project's feature store goes through with writers that are killed, and readers and writers side by side.

Typed in a rendered project as `python -m store_faults PACKAGE SCENARIO FOLDER`; ends with 0 if nothing was lost, torn or mixed.
In the raw table of generation g every entity has the value g, so that a state in which two values stand was never written.
"""

import datetime as dt
import random
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

ENTITIES = 300
KILLS = 50
GENERATIONS = 25
READERS, APPENDERS = 3, 4
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
CONTEXT = get_context("forkserver")
PACKAGE = sys.argv[1] if len(sys.argv) > 1 else ""


def module(name: str) -> Any:
    """One of the project's modules."""
    return import_module(f"{PACKAGE}.feature_store.{name}")


def view() -> Any:
    """A view of one number."""
    views = module("views")
    feature = views.Feature("value", "int", "The generation")
    sql = "SELECT user_id, event_time, value FROM raw"
    return views.FeatureView("generations", "user_id", sql, (feature,), "A number", "team@example.com")


def write(folder: Path, generation: int, first: int = 0) -> None:
    """Let the store see a generation's rows."""
    import pandas as pd

    raw = folder.parent / f"raw-{first}-{generation}.parquet"
    when = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(generation, "h")
    users = range(first, first + ENTITIES)
    pd.DataFrame({"user_id": users, "event_time": when, "value": generation}).to_parquet(raw, coerce_timestamps="us")
    module("materialization").materialize_incremental(folder, [view()], {"raw": raw}, NOW)


def online(store: Any, first: int = 0) -> set[int | None]:
    """The values of all entities, read at once."""
    keys = [{"user_id": user} for user in range(first, first + ENTITIES)]
    return {row["value"] for row in store.get_online_features(["value"], keys, NOW)}


def offline(store: Any, first: int = 0) -> set[int]:
    """The values of all entities as history tells them."""
    import pandas as pd

    labels = pd.DataFrame({"user_id": range(first, first + ENTITIES), "at": pd.Timestamp(NOW)})
    return set(store.get_historical_features(labels, ["value"], "at")["value"])


def started(target: Callable[..., None], *given: object) -> ForkServerProcess:
    """A process that runs a function."""
    process = CONTEXT.Process(target=target, args=given)
    process.start()
    return process


def killed_writers(folder: Path) -> None:
    """After `kill -9` in a write the store holds the generation before or the new one, offline and online alike."""
    for generation in (0, 1):  # the second finds everything imported
        began = time.monotonic()
        started(write, folder, generation).join()
    within = time.monotonic() - began
    draw, kept, survived = random.Random(7), 1, []
    for generation in range(2, 2 + KILLS):
        writer = started(write, folder, generation)
        time.sleep(draw.uniform(0, within))
        writer.kill()
        writer.join()
        store = module("store").FeatureStore(folder)
        found = online(store)

        assert found == offline(store), f"offline and online differ after write {generation} was killed"
        assert found in ({kept}, {generation}), f"{found} after {kept}, when write {generation} was killed"
        survived.append(found == {generation})
        kept = generation if survived[-1] else kept
        within *= (
            0.9 if survived[-1] else 1.1
        )  # a write lasts longer or shorter than the measured one, so the kills close in on its end
    assert {True, False} == set(survived), "every kill came too early, or too late"
    write(folder, 1000)
    assert {1000} == online(module("store").FeatureStore(folder))
    print(f"{KILLS} writers killed, the last within {within:.2f} s, {sum(survived)} of them after they were done")


def reading(folder: Path, end: Path, said: Path) -> None:
    """Read until told to stop; each answer is of one generation, and none is older than the one before."""
    store, newest, reads = module("store").FeatureStore(folder), -1, 0
    while not end.exists():
        for found in (online(store), offline(store) if reads % 20 == 0 else None):
            if found is None:
                continue
            (value,) = found
            assert value is not None
            assert value >= newest
            newest = value
        reads += 1
    said.write_text(str(reads))


def readers_and_a_writer(folder: Path) -> None:
    """While one process writes generations, others read; no answer is torn or mixed."""
    write(folder, 0)
    readers = [started(reading, folder, folder.parent / "end", folder.parent / f"reads-{number}") for number in range(READERS)]
    for generation in range(1, GENERATIONS):
        write(folder, generation)
    (folder.parent / "end").touch()
    for reader in readers:
        reader.join()
    assert [0] * READERS == [reader.exitcode for reader in readers]
    reads = [int(path.read_text()) for path in folder.parent.glob("reads-*")]
    print(f"{sum(reads)} reads of {ENTITIES} entities by {READERS} readers while {GENERATIONS} generations were written")


def appending(folder: Path, first: int) -> None:
    """Write generations of entities that are nobody else's."""
    for generation in range(5):
        write(folder, generation, first)


def appenders(folder: Path) -> None:
    """Processes that write at the same time lose none of each other's rows."""
    firsts = [number * 10_000 for number in range(APPENDERS)]
    writers = [started(appending, folder, first) for first in firsts]
    for writer in writers:
        writer.join()
    assert [0] * APPENDERS == [writer.exitcode for writer in writers]
    (log,) = module("catalog").read_catalog(folder).logs.values()
    store = module("store").FeatureStore(folder)
    assert 5 * ENTITIES * APPENDERS == log.rows
    assert [{4}] * APPENDERS == [online(store, first) for first in firsts] == [offline(store, first) for first in firsts]
    print(f"{log.rows} rows by {APPENDERS} writers")


SCENARIOS = {scenario.__name__: scenario for scenario in (killed_writers, readers_and_a_writer, appenders)}

if __name__ == "__main__":
    signal.alarm(300)
    CONTEXT.set_forkserver_preload([f"{PACKAGE}.feature_store.{name}" for name in ("store", "materialization")])
    SCENARIOS[sys.argv[2]](Path(sys.argv[3]).absolute() / "store")
