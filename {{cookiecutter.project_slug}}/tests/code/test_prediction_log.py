"""The prediction log: every answer is in it before its caller has it, and nothing that is private ever is."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }} import ledger, prediction_log
from {{ cookiecutter.package_name }}.operations import Logging
from {{ cookiecutter.package_name }}.prediction_log import COLUMNS, Entry, LogError, PredictionLog, identity, read

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
PICTURE = bytes(range(256)) * 4
SECONDS = 60  # for what a busy machine may take
WRITER = """
import datetime as dt, resource, signal, sys, time
from pathlib import Path
from {{ cookiecutter.package_name }}.operations import Logging
from {{ cookiecutter.package_name }}.prediction_log import Entry, LogError, PredictionLog

folder, go, times = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
log = PredictionLog(folder, Logging(), "user_id")
at, inputs = dt.datetime(2026, 5, 1, tzinfo=dt.UTC), {"note": "n" * 500}
entry = Entry(at, "r", 1, "m", "champion", "api", 1.0, inputs, {"prediction": "a"})
"""
AT_ONCE = """
print("ready", flush=True)
while not go.exists():
    pass
for _ in range(times):
    print(*log.add([entry, entry]), sep="\\n", flush=True)
"""
UNTIL_FULL = """
resource.setrlimit(resource.RLIMIT_FSIZE, (2**18, resource.RLIM_INFINITY))
try:
    while True:
        print(*log.add([entry]), flush=True)
except LogError as error:
    print("refused:", error, flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(*log.add([entry]), flush=True)
"""


def entry(key: int | str = 7, at: dt.datetime = NOW, inputs: dict[str, Any] | None = None, **answer: Any) -> Entry:
    """An answer as the API gives it."""
    said = {"user_id": key, "prediction": "drama", "probability": 0.1 + 0.2, "route": None, **answer}
    return Entry(at, "request", key, "1.2.3.4", "champion", "api", 12.5, inputs or {"hour": 9.0}, said)


def log_in(folder: Path, rules: Logging | None = None, private: tuple[str, ...] = ()) -> PredictionLog:
    """A log of answers about users, with a column of pictures."""
    return PredictionLog(folder, rules or Logging(), "user_id", ["avatar"], private)


def held(folder: Path) -> bytes:
    """Every byte that lies in the folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_every_answer_is_in_the_file(tmp_path: Path) -> None:
    """With its time, key, model, inputs and words, to the last bit of a number; what was not there is null."""
    inputs = {"hour": 9.000000000000002, "note": "ü 'quoted' {}", "device": None, "pages": float("nan"), "at": NOW}
    first, second = entry(7, inputs=inputs, route="adult"), entry("seven", NOW + dt.timedelta(microseconds=1))

    ids = log_in(tmp_path / "log").add([first, second])
    found = read(tmp_path / "log")

    assert ids == found["id"].tolist()
    assert list(COLUMNS) == list(found)
    assert [NOW, NOW + dt.timedelta(microseconds=1)] == found["at"].tolist()
    assert [7, "seven"] == found["key"].tolist()
    assert inputs | {"pages": None, "at": NOW.isoformat()} == found["inputs"][0]
    assert [dict(first.answer), dict(second.answer)] == found["answer"].tolist()
    told = {"request": "request", "model": "1.2.3.4", "variant": "champion", "source": "api", "route": "adult"}
    assert told | {"milliseconds": 12.5} == found[[*told, "milliseconds"]].to_dict(orient="records")[0]


def test_a_log_is_read_by_time(tmp_path: Path) -> None:
    """From one moment on, before another, across days, and the last ones; where nothing was logged, there is nothing."""
    times = [NOW - dt.timedelta(days=1), NOW, NOW + dt.timedelta(hours=1), NOW + dt.timedelta(days=1)]
    log_in(tmp_path).add([entry(number, at) for number, at in enumerate(times)])

    assert [0, 1, 2, 3] == read(tmp_path)["key"].tolist()
    assert [1, 2] == read(tmp_path, NOW, times[3])["key"].tolist()
    assert [0] == read(tmp_path, until=NOW)["key"].tolist()
    assert [2, 3] == read(tmp_path, last=2)["key"].tolist()
    assert [1, 2] == read(tmp_path, until=times[3], last=2)["key"].tolist()
    assert list(COLUMNS) == list(read(tmp_path / "none"))
    assert len(read(tmp_path / "none")) == 0


def test_an_id_tells_its_day_in_utc(tmp_path: Path) -> None:
    """Whatever the zone of the time: so the one file is asked that holds it."""
    late = dt.datetime(2026, 5, 2, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))

    [id_] = log_in(tmp_path).add([entry(at=late)]) or []

    assert id_.startswith("20260501-")
    assert {id_} == prediction_log.known(tmp_path, [id_, "20260501-none", "20260502-none", "nonsense"])
    assert ["2026-05-01.sqlite"] == [path.name for path in ledger.days(tmp_path)]


def test_what_was_logged_already_is_not_logged_twice(tmp_path: Path) -> None:
    """A chunk that is tried again has the ids that it had."""
    log, ids = log_in(tmp_path), [identity(NOW, f"run {number}") for number in range(2)]

    assert log.add([entry(1)], ids[:1]) == ids[:1]
    assert log.add([entry(1), entry(2)], ids) == ids
    assert ids == read(tmp_path)["id"].tolist()
    assert len(set(ids)) == 2


def test_many_threads_write_at_once(tmp_path: Path) -> None:
    """Through one log, as the requests of an API do."""
    log, together = log_in(tmp_path), threading.Barrier(8)

    def write(_: int) -> list[str]:
        together.wait(SECONDS)
        return [id_ for _ in range(25) for id_ in log.add([entry()]) or []]

    with ThreadPoolExecutor(8) as pool:
        told = [id_ for ids in pool.map(write, range(8)) for id_ in ids]

    assert len(told) == 200
    assert set(told) == set(read(tmp_path)["id"])


def test_many_processes_write_at_once(tmp_path: Path) -> None:
    """And make the day's file at the same moment; nothing is lost, and nobody is refused."""
    writers = [_writer(AT_ONCE, tmp_path / "log", tmp_path / "go", 40) for _ in range(4)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    (tmp_path / "go").touch()
    told = [writer.communicate(timeout=SECONDS)[0].split() for writer in writers]

    assert [80] * 4 == [len(ids) for ids in told]
    assert {id_ for ids in told for id_ in ids} == set(read(tmp_path / "log")["id"])


def test_a_killed_process_takes_no_answer_along(tmp_path: Path) -> None:
    """By kill -9, in the middle: whatever it had said that it logged is in the file, and the next one goes on."""
    (tmp_path / "go").touch()
    writer = _writer(AT_ONCE, tmp_path / "log", tmp_path / "go", 10**6)
    assert writer.stdout is not None
    told = [writer.stdout.readline().strip() for _ in range(101)][1:]
    os.kill(writer.pid, signal.SIGKILL)
    told += writer.communicate(timeout=SECONDS)[0].split()[:-1]  # the last line may be cut

    assert writer.returncode == -signal.SIGKILL
    assert set(told) <= set(read(tmp_path / "log")["id"])
    assert len(told) >= 100
    assert log_in(tmp_path / "log").add([entry()]) is not None


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """What was acknowledged before is there, what was refused is not, and with room again it goes on in the same process."""
    told = _writer(UNTIL_FULL, tmp_path, tmp_path, 0).communicate(timeout=SECONDS)[0].splitlines()
    refusals = [line for line in told if line.startswith("refused:")]

    assert len(refusals) == 1
    assert "1 answers cannot be logged" in refusals[0]
    assert told.index(refusals[0]) == len(told) - 2 > 10
    assert read(tmp_path)["id"].tolist() == [line for line in told if line not in refusals]


def test_a_folder_that_cannot_be_written_refuses(tmp_path: Path) -> None:
    """In one sentence; once it is mended, the same log goes on."""
    (tmp_path / "log").write_text("no folder", encoding="utf-8")
    log = log_in(tmp_path / "log")

    with pytest.raises(LogError, match=r"1 answers cannot be logged in .*; make room there, or mend its rights") as refused:
        log.add([entry()])

    assert "\n" not in str(refused.value)
    (tmp_path / "log").unlink()
    assert log.add([entry()]) == read(tmp_path / "log")["id"].tolist()


def test_an_answer_may_go_before_its_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If the settings say so: there is no id then, and the process's own log tells how many are lost."""
    (tmp_path / "log").write_text("no folder", encoding="utf-8")

    assert log_in(tmp_path / "log", Logging(on_failure="answer")).add([entry(), entry()]) is None
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "2 answers cannot be logged" in record.getMessage()
    assert "logging.on_failure" in record.getMessage()


def test_a_deleted_file_is_noticed(tmp_path: Path) -> None:
    """An open connection would go on writing to what nobody can read."""
    log = log_in(tmp_path)
    log.add([entry(1)])
    for path in ledger.days(tmp_path):
        ledger.remove(path)

    log.add([entry(2)])

    assert [2] == read(tmp_path)["key"].tolist()


class Deleted(PredictionLog):
    """A log whose file is deleted some times between its opening and the writing."""

    times = 1

    def _opened(self, path: Path) -> sqlite3.Connection:
        connection = super()._opened(path)
        if self.times:
            self.times -= 1
            ledger.remove(path)
        return connection


def test_a_file_that_is_deleted_in_the_middle_is_noticed(tmp_path: Path) -> None:
    """The answer is written again, to the file that others see; one that is deleted for ever is refused."""
    log = Deleted(tmp_path, Logging(), "user_id")
    ids = log.add([entry(1), entry(2)])

    assert ids == read(tmp_path)["id"].tolist()
    log.times = 10
    with pytest.raises(LogError, match="is deleted as soon as it is written"):
        log.add([entry(3)])


def test_a_connection_that_broke_is_made_anew(tmp_path: Path) -> None:
    """One answer is refused for it, and the next is not."""
    log = log_in(tmp_path)
    log.add([entry(1)])
    assert log._connection is not None
    log._connection.close()

    with pytest.raises(LogError):
        log.add([entry(2)])
    log.add([entry(3)])

    assert [1, 3] == read(tmp_path)["key"].tolist()


def test_a_ledger_is_made_once(tmp_path: Path) -> None:
    """However long it takes: whoever comes meanwhile waits, and nobody's rows are in a file that another one replaces."""
    slow = """
        CREATE TABLE counted AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200000) SELECT n FROM c
    """
    together = threading.Barrier(4)

    def write(number: int) -> None:
        together.wait(SECONDS)
        with closing(ledger.writing(tmp_path / "one.sqlite", slow)) as connection, connection:
            connection.execute("INSERT INTO counted VALUES (?)", (-number,))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(1, 5)))

    assert [(-4,), (-3,), (-2,), (-1,)] == ledger.rows(tmp_path / "one.sqlite", "SELECT n FROM counted WHERE n < 0 ORDER BY n")
    assert not list(tmp_path.glob(".one*"))


def test_an_answer_cannot_be_changed(tmp_path: Path) -> None:
    """Not even by SQL of somebody else's."""
    log_in(tmp_path).add([entry(1)])
    [path] = ledger.days(tmp_path)

    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="only added to"):
        connection.execute("UPDATE predictions SET answer = '{}'")


def test_old_days_go(tmp_path: Path) -> None:
    """With the first answer of a new day; what is no day of the log stays."""
    log, days = log_in(tmp_path, Logging(keep_days=2)), [NOW + dt.timedelta(days=number) for number in range(3)]
    for name in ("labels.sqlite", "2020-13-45.sqlite", "notes.txt"):
        (tmp_path / name).touch()
    for number, at in enumerate(days[:2]):
        log.add([entry(number, at)])
    assert [0, 1] == read(tmp_path)["key"].tolist()

    log.add([entry(2, days[2])])

    assert [1, 2] == read(tmp_path)["key"].tolist()
    assert not list(tmp_path.glob("2026-05-01*"))
    assert {"labels.sqlite", "2020-13-45.sqlite", "notes.txt"} <= {path.name for path in tmp_path.iterdir()}


def test_what_is_private_is_nowhere_in_the_file(tmp_path: Path) -> None:
    """Not the value, nor the picture, nor the key, nor the route that repeats it; which columns were masked is told."""
    inputs = {"name": "Grace Hopper", "group": "over 80", "avatar": b64encode(PICTURE).decode(), "hour": 9, "town": None}
    log = log_in(tmp_path, private=("name", "group", "avatar", "town", "user_id"))
    log.add([entry("key of hers", inputs=inputs, route="over 80", route_source="given")])
    while_open = held(tmp_path)
    log.close()
    [row] = read(tmp_path).to_dict(orient="records")

    of_picture = (PICTURE[:64], b64encode(PICTURE)[:64], sha256(PICTURE).hexdigest().encode())
    for secret in (b"Grace", b"over 80", b"key of hers", *of_picture):
        assert secret not in while_open
        assert secret not in held(tmp_path)
    assert (row["masked"], row["key"], row["route"]) == (["name", "group", "avatar"], None, None)
    assert row["inputs"] == {"name": None, "group": None, "avatar": None, "hour": 9, "town": None}
    assert (row["answer"]["user_id"], row["answer"]["route"], row["answer"]["prediction"]) == (None, None, "drama")


def test_a_picture_is_kept_once_a_day(tmp_path: Path) -> None:
    """However often it is asked about, as base64 or as bytes; without logging.pictures, its digest alone."""
    digest, sent = sha256(PICTURE).hexdigest(), (b64encode(PICTURE).decode(), PICTURE)
    for folder, kept in ((tmp_path / "kept", True), (tmp_path / "not", False)):
        log = log_in(folder, Logging(pictures=kept))
        log.add([entry(inputs={"avatar": picture}) for picture in sent])
        log.add([entry(inputs={"avatar": sent[0]})])
        log.close()

        assert [{"avatar": {"sha256": digest}}] * 3 == read(folder)["inputs"].tolist()
        assert prediction_log.pictures(folder, [digest, "none"]) == ({digest: PICTURE} if kept else {})
        assert held_pictures(folder) == int(kept)


def held_pictures(folder: Path) -> int:
    """How many are in the folder's files."""
    return sum(int(ledger.rows(path, "SELECT count(*) FROM pictures")[0][0]) for path in ledger.days(folder))


def test_an_entity_is_forgotten(tmp_path: Path) -> None:
    """By its key, a number or a text, in every day's file, to the last byte; a picture stays while another answer needs it."""
    log, other, tomorrow = log_in(tmp_path), PICTURE[::-1], NOW + dt.timedelta(days=1)
    log.add([entry(7, inputs={"note": "hers alone", "avatar": PICTURE}), entry("7", tomorrow, {"note": "hers alone"})])
    log.add([entry(7, inputs={"avatar": other}), entry(77, inputs={"note": "his", "avatar": other})])
    assert b"hers alone" in held(tmp_path)

    gone = prediction_log.forget(tmp_path, 7)
    left = prediction_log.pictures(tmp_path, [sha256(one).hexdigest() for one in (PICTURE, other)])

    assert gone == 3
    assert [77] == read(tmp_path)["key"].tolist()
    assert b"hers alone" not in held(tmp_path)
    assert PICTURE[:64] not in held(tmp_path)
    assert [other] == list(left.values())
    assert prediction_log.forget(tmp_path, 7) == 0
    assert log.add([entry(8)]) is not None


def test_a_file_that_is_no_log_is_one_sentence(tmp_path: Path) -> None:
    """It is named, whoever asks, and an answer is not logged into it."""
    (tmp_path / "2026-05-01.sqlite").write_bytes(b"torn" * 1000)
    calls = (
        lambda: read(tmp_path),
        lambda: prediction_log.known(tmp_path, ["20260501-1"]),
        lambda: prediction_log.pictures(tmp_path, ["0"]),
        lambda: prediction_log.forget(tmp_path, 7),
        lambda: log_in(tmp_path).add([entry()]),
    )

    for call in calls:
        with pytest.raises(LogError) as refused:
            call()
        assert str(tmp_path) in str(refused.value)
        assert "\n" not in str(refused.value)


def test_the_log_is_json_that_any_reader_takes(tmp_path: Path) -> None:
    """Not a number is null, for SQLite's own JSON knows none."""
    log_in(tmp_path).add([entry(inputs={"hour": float("nan")}, probability=float("nan"))])
    query = "SELECT json_extract(inputs, '$.hour'), json_extract(answer, '$.probability') FROM predictions"

    assert [(None, None)] == [row for path in ledger.days(tmp_path) for row in ledger.rows(path, query)]


def _writer(does: str, *words: object) -> subprocess.Popen[str]:
    """Another process that writes to the log and prints the ids."""
    assert json.dumps(PredictionLog.__module__.split(".")[0])[1:-1] in WRITER
    return subprocess.Popen([sys.executable, "-c", WRITER + does, *map(str, words)], stdout=subprocess.PIPE, text=True)
