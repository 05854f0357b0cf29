"""Batch scoring: every row is answered or put aside with its reason, in chunks, and a run that was cut short goes on."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.data import batches
from {{ cookiecutter.package_name }}.data.schema import SchemaError
from {{ cookiecutter.package_name }}.data.sources import SourceError, read_files, row_count
from {{ cookiecutter.package_name }}.operations import Logging
from {{ cookiecutter.package_name }}.prediction_log import LogError, PredictionLog, read
from {{ cookiecutter.package_name }}.replay import replay
from {{ cookiecutter.package_name }}.serving.batch import Scored, score
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
CHUNK = 5
HALFWAY = """
import datetime as dt, sys, time
from pathlib import Path
from {{ cookiecutter.package_name }}.data import batches
from {{ cookiecutter.package_name }}.operations import Logging
from {{ cookiecutter.package_name }}.prediction_log import PredictionLog
from {{ cookiecutter.package_name }}.serving import batch
from {{ cookiecutter.package_name }}.serving.predictor import load_predictor

batches.ROWS = 5
class Stuck(PredictionLog):
    chunks = 0

    def add(self, entries, ids):
        said = super().add(entries, ids)
        print("logged", flush=True)
        self.chunks += 1
        time.sleep(600 * (self.chunks == 2))  # the second chunk is logged and has no file yet
        return said

source, target, now, folder = sys.argv[1:]
predictor, log = load_predictor(Path.cwd()), Stuck(Path(folder), Logging(), "", [])
for _ in batch.score(predictor, Path(source), Path(target), Path.cwd(), dt.datetime.fromisoformat(now), log):
    pass
"""


@pytest.fixture
def source(rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a few chunks of rows."""
    monkeypatch.setattr(batches, "ROWS", CHUNK)
    path = tmp_path / "rows.parquet"
    rows.to_parquet(path, index=False)
    return path


def scored(predictor: Predictor, source: Path, target: Path, log: PredictionLog | None = None) -> Scored:
    """A run to its end."""
    *_, last = score(predictor, source, target, source.parent, NOW, log)
    return last


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_file_is_answered_as_a_frame(rows: pd.DataFrame, predictor: Predictor, source: Path, ending: str) -> None:
    """Every row of it, in its order, beside its key, whatever the format of the answers; nothing else is left."""
    target = source.with_name(f"answers.{ending}")

    last = scored(predictor, source, target)
    found, expected = read_files([target]), predictor.answer(rows, NOW)

    assert last == Scored(len(rows), 0)
    assert list(found) == list(expected)
    for name in (predictor.bundle.card.data.entity, "prediction", "model"):
        said = found[name].astype(expected[name].dtype)
        pd.testing.assert_series_equal(expected[name], said, rtol=1e-12, check_index=False)  # summed in another order
    assert {path.name for path in source.parent.iterdir()} == {source.name, target.name}


def test_a_row_that_cannot_be_answered_is_put_aside(rows: pd.DataFrame, predictor: Predictor, source: Path) -> None:
    """By its number in the file, however that is cut, with its reason; mended, it is answered as if it had never been bad."""
    entity, target = predictor.bundle.card.data.entity, source.with_name("answers.parquet")
    whole = scored(predictor, source, target)
    expected = read_files([target])
    for name in predictor.bundle.card.columns.numbers[:1]:
        values = ["many" if place in (3, 13) else value for place, value in enumerate(rows[name].astype("str"))]
        rows.assign(**{name: values}).to_parquet(source, index=False)

        last = scored(predictor, source, target)
        aside = read_files([source.with_name("answers.rejected.parquet")])

        assert last == Scored(whole.answered - 2, 2, source.with_name("answers.rejected.parquet"))
        assert aside["reason"].str.contains("'many' is not a number").tolist() == [True, True]
        assert [f"row {place}:" in reason for place, reason in zip((3, 13), aside["reason"], strict=True)] == [True, True]
        assert read_files([target])[entity].tolist() == rows[entity].drop([3, 13]).tolist()
        mended = rows.iloc[[3, 13]].assign(reason="mended")
        mended.to_parquet(source, index=False)
        again = scored(predictor, source, target)
        assert again == Scored(2, 0)
        assert not source.with_name("answers.rejected.parquet").exists()
        found = read_files([target])["prediction"].astype(str).tolist()
        assert found == expected["prediction"].astype(str).iloc[[3, 13]].tolist()


def test_a_file_without_a_row_to_answer_is_refused(rows: pd.DataFrame, predictor: Predictor, source: Path) -> None:
    """The sentence shows the first reason, and all of them stand in a file."""
    for name in predictor.bundle.card.columns.numbers[:1]:
        rows.assign(**{name: "many"}).to_parquet(source, index=False)

        with pytest.raises(SourceError, match=r"no row of .* can be answered; the first: column .*'many'.*answers\.rejected"):
            scored(predictor, source, source.with_name("answers.csv"))
        assert len(read_files([source.with_name("answers.rejected.parquet")])) == len(rows)
        assert not source.with_name("answers.csv").exists()


class Counting:
    """A predictor that tells how many rows it was given at once, and fails where it is told to."""

    def __init__(self, predictor: Predictor, fails_at: int | None = None) -> None:
        self.predictor, self.fails_at = predictor, fails_at
        self.given: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.predictor, name)

    def answered(self, rows: pd.DataFrame, now: dt.datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
        """As the predictor does."""
        if len(self.given) == self.fails_at:
            raise OSError("the power is gone")
        self.given.append(len(rows))
        return self.predictor.answered(rows, now)


def test_a_run_that_was_cut_short_goes_on(rows: pd.DataFrame, predictor: Predictor, source: Path) -> None:
    """What was answered is not asked again; another file, or another model, is begun anew."""
    target = source.with_name("answers.parquet")
    cut, rest, anew = Counting(predictor, fails_at=2), Counting(predictor), Counting(predictor)
    with pytest.raises(OSError, match="power"):
        scored(cut, source, target)  # type: ignore[arg-type]
    assert not target.exists()

    scored(rest, source, target)  # type: ignore[arg-type]
    again = read_files([target])
    with pytest.raises(OSError, match="power"):
        scored(Counting(predictor, fails_at=2), source, target)  # type: ignore[arg-type]
    rows.iloc[::-1].to_parquet(source, index=False)
    scored(anew, source, target)  # type: ignore[arg-type]

    assert (sum(cut.given), sum(rest.given), sum(anew.given)) == (2 * CHUNK, len(rows) - 2 * CHUNK, len(rows))
    assert max(rest.given) == CHUNK
    pd.testing.assert_frame_equal(again, read_files([target]).iloc[::-1].reset_index(drop=True), check_exact=False)


def test_a_killed_run_goes_on(root: Path, predictor: Predictor, source: Path) -> None:
    """By kill -9, once a chunk was logged and before it had its file: no answer is another, missing, or logged twice."""
    whole, target, folder = source.with_name("whole.parquet"), source.with_name("answers.parquet"), source.with_name("log")
    scored(predictor, source, whole)
    package = registry.__name__.split(".")[0]
    assert package in HALFWAY
    command = [sys.executable, "-c", HALFWAY, str(source), str(target), NOW.isoformat(), str(folder)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(2)]
        os.kill(process.pid, signal.SIGKILL)
    assert said == ["logged\n"] * 2
    assert process.returncode == -signal.SIGKILL
    assert not target.exists()
    assert len(list(source.parent.glob(".answers.parquet.parts/*.answers"))) == 1
    assert len(read(folder)) == 2 * CHUNK

    rest = Counting(predictor)
    scored(rest, source, target, log_in(folder))  # type: ignore[arg-type]
    found, expected = read_files([target]), read_files([whole])

    assert sum(rest.given) == len(expected) - CHUNK
    pd.testing.assert_frame_equal(found.drop(columns="prediction_id"), expected)
    assert read(folder)["id"].tolist() == found["prediction_id"].tolist()


def log_in(folder: Path, rules: Logging | None = None) -> PredictionLog:
    """A log that masks nothing."""
    return PredictionLog(folder, rules or Logging(), "", [])


def test_every_answer_is_logged(rows: pd.DataFrame, predictor: Predictor, source: Path, settings: Settings) -> None:
    """Beside each stands the id that its label is given by; a row that was put aside has none, and a second run has others."""
    target, folder = source.with_name("answers.parquet"), source.with_name(settings.logging.folder)
    entity, log = predictor.bundle.card.data.entity, predictor.log(settings, source.parent)
    bad = pd.Series([None if place == 3 else key for place, key in enumerate(rows[entity])], dtype=object)
    rows.assign(**{entity: bad}).to_parquet(source, index=False)

    assert scored(predictor, source, target, log).answered == len(rows) - 1
    found, logged = read_files([target]), read(folder)

    assert list(found)[-1] == "prediction_id"
    assert found["prediction_id"].tolist() == logged["id"].tolist()
    assert found[entity].tolist() == logged["key"].tolist() == rows[entity].drop([3]).tolist()
    assert found["prediction"].tolist() == [answer["prediction"] for answer in logged["answer"]]
    assert (set(logged["source"]), set(logged["at"]), logged["request"].nunique()) == ({"batch"}, {NOW}, 1)
    assert replay(logged, folder, lambda _: predictor.bundle).equal == len(logged)
    scored(predictor, source, target, log)
    assert len(read(folder)) == len(set(read(folder)["id"])) == 2 * len(logged)


def test_a_run_that_cannot_be_logged_stops(rows: pd.DataFrame, predictor: Predictor, source: Path) -> None:
    """Unless the settings say to answer all the same, without ids; once there is room, it goes on where it was."""
    target, folder = source.with_name("answers.parquet"), source.with_name("log")
    folder.write_text("no folder", encoding="utf-8")
    with pytest.raises(LogError, match="cannot be logged"):
        scored(predictor, source, target, log_in(folder))
    assert not target.exists()

    scored(predictor, source, source.with_name("unlogged.parquet"), log_in(folder, Logging(on_failure="answer")))
    folder.unlink()
    scored(predictor, source, target, log_in(folder))

    assert read_files([source.with_name("unlogged.parquet")])["prediction_id"].isna().tolist() == [True] * len(rows)
    assert read_files([target])["prediction_id"].tolist() == read(folder)["id"].tolist()


def test_a_file_tells_how_many_rows_it_has(rows: pd.DataFrame, tmp_path: Path) -> None:
    """To the row if it is Parquet, from its first megabyte if it is CSV; what cannot be told is None."""
    rows.to_parquet(tmp_path / "rows.parquet")
    pd.DataFrame({"a": range(400_000), "b": "some words"}).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    (tmp_path / "empty.csv").touch()

    assert row_count(tmp_path / "rows.parquet") == len(rows)
    assert (row_count(tmp_path / "rows.csv") or 0) == pytest.approx(400_000, rel=0.1)
    assert [row_count(tmp_path / name) for name in ("torn.parquet", "empty.csv", "none.csv")] == [None] * 3


def test_a_file_that_cannot_be_scored_is_one_sentence(rows: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    """An absent file, a foreign ending, a missing column; no answers are left behind."""
    entity = predictor.bundle.card.data.entity
    rows[[entity]].to_parquet(tmp_path / "keys.parquet", index=False)
    rows.drop(columns=entity).to_parquet(tmp_path / "no_keys.parquet", index=False)
    for name, target, refusal, sentence in (
        ("none.csv", "out.csv", SourceError, "there is no file"),
        ("keys.parquet", "out.xlsx", SourceError, "neither .csv nor .parquet"),
        ("no_keys.parquet", "out.csv", SchemaError, f"column '{entity}' is missing"),
        ("keys.parquet", "out.csv", SchemaError, "is missing; the rows must hold"),
    ):
        with pytest.raises(refusal, match=sentence):
            scored(predictor, tmp_path / name, tmp_path / target)

    assert not list(tmp_path.glob("*out*"))
