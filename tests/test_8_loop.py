"""The loop, closed: a world that changes is noticed, learned and answered again, and no request fails on the way."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import pandas as pd
import pytest
from project import CommandFailed, Project
from server import Server, serving

USERS = 1000
HISTORY = 3000  # requests that the first model learns from; what comes after them is asked of it
CALLERS = 2
NEW, ITS_GENRE = "headset", "documentary"  # a device that nobody had, and what everybody watches on it
SHARE = 0.4  # of requests that come from it, once it is on the market
ASKED = ["user_id", "hour", "device", "age_group"]

Row = dict[str, object]


@pytest.fixture(scope="module")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose requests are a folder of files, run once on the older ones of its rows."""
    made = Project.render("copier", template, {"modalities": "tabular"}, tmp_path_factory.mktemp("loop"))
    made.edit_settings((r"^requests = .*$", "requests = { demo = 6000 }"), (r"^rest_hours = [\d.]+", "rest_hours = 0"))
    made.warm(made.package, "step", "ingest")
    ingested = made.folder / "artifacts" / "ingest"
    rows = pd.read_parquet(ingested / "requests.parquet")
    (made.folder / "data" / "requests").mkdir(parents=True)
    rows.head(HISTORY).to_parquet(made.folder / "data" / "requests" / "history.parquet", index=False)
    pd.read_parquet(ingested / "activity.parquet").to_parquet(made.folder / "data" / "activity.parquet", index=False)
    rows.iloc[HISTORY:].to_parquet(made.folder / "later.parquet", index=False)
    made.edit_settings((r"^requests = .*$", 'requests = { path = "data/requests" }'))
    made.edit_settings((r"^activity = .*$", 'activity = { path = "data/activity.parquet" }'))
    made.warm(made.package, "run")
    return made


def test_a_world_that_changes_is_noticed_learned_and_answered(project: Project) -> None:
    """Rows drift; monitor says so, `due` asks for a run, labels become rows, a better model answers, monitor is quiet."""
    later = pd.read_parquet(project.folder / "later.parquet")
    changed = world_with_headsets(later.sample(frac=1, random_state=1).drop_duplicates("user_id"))
    with serving(project) as server:
        first = server.ask("/ready")["model"]
        answered(server, later.sample(500, random_state=0))
        quiet = said(project, 0, "monitor")
        assert "skip" in said(project, 3, "due")

        given = answered(server, changed)
        alarmed = said(project, 3, "monitor")
        assert {"device"} == set(re.findall(r"alarm: distribution of (\w+) is not", alarmed)) & {*ASKED}, alarmed
        assert "run: distribution of device" in said(project, 0, "due")

        label(server, given, changed["genre"])
        assert "log_loss" in said(project, 3, "monitor")
        said(project, 0, "labels", "collect", "data/requests/labelled.parquet")
        with traffic(server, changed) as seen:
            project.warm(project.package, "run")
            wait_for_another(seen, first)

        versions = [version for version, _ in seen]
        second = server.ask("/ready")["model"]
        assert {200} == {status for _, status in seen}
        assert Counter({first: versions.index(second), second: len(versions) - versions.index(second)}) == Counter(versions)
        changed = changed.sample(frac=1, random_state=2)
        label(server, answered(server, changed), changed["genre"])
        said(project, 0, "monitor")
        said(project, 0, "replay")

    assert quiet
    assert first != second


def world_with_headsets(rows: pd.DataFrame) -> pd.DataFrame:
    """A request of each user, many of which come from a device that is new, and are for what everybody watches on it."""
    changed = rows.copy()
    changed.loc[rows.sample(frac=SHARE, random_state=0).index, ["device", "genre"]] = NEW, ITS_GENRE
    return changed


def answered(server: Server, rows: pd.DataFrame) -> list[str]:
    """Ask for each row; the ids of its answers."""
    found = []
    for start in range(0, len(rows), 100):
        found += [one["prediction_id"] for one in server.ask("/predict", asked(rows.iloc[start : start + 100]))["answers"]]
    return found


def label(server: Server, ids: Sequence[str], truth: pd.Series) -> None:
    """Say what was true of answers, later."""
    told = [{"id": one, "label": genre} for one, genre in zip(ids, truth, strict=True)]
    assert len(told) == server.ask("/feedback", told)["new"]


def asked(rows: pd.DataFrame) -> list[Row]:
    """Rows as a caller sends them; what the store knows is left to it."""
    return rows[ASKED].to_dict(orient="records")  # type: ignore[return-value]


@contextmanager
def traffic(server: Server, rows: pd.DataFrame) -> Iterator[list[tuple[str, int]]]:
    """Callers who ask without a pause, until the block ends; yields the model and the status of each answer, in their order."""
    seen: list[tuple[str, int]] = []
    over = threading.Event()

    def calls() -> None:
        for body in cycle(asked(rows)):
            if over.is_set():
                return
            status, said = server.status("/predict", body)
            seen.append((said.get("model", ""), status))

    callers = [threading.Thread(target=calls) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield seen
    finally:
        over.set()
        for caller in callers:
            caller.join()


def wait_for_another(seen: Sequence[tuple[str, int]], model: str, seconds: float = 30) -> None:
    """Until another model has answered for a while."""
    deadline = time.monotonic() + seconds
    while len([version for version, _ in seen if version != model]) < 20:
        assert time.monotonic() < deadline, f"still {model}"
        time.sleep(0.1)


def said(project: Project, code: int, *words: str) -> str:
    """What a command prints that ends with this code."""
    if code == 0:
        return project.warm(project.package, *words)
    with pytest.raises(CommandFailed, match=f"exit status {code} of") as failed:
        project.warm(project.package, *words)
    return str(failed.value)
