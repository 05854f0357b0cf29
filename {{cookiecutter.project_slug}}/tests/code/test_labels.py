"""Labels: what was true of logged answers comes back with who said so, and becomes rows to learn from."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from answered import change
from typer.testing import CliRunner

from {{ cookiecutter.package_name }} import labels, ledger
from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.data.sources import read_files
from {{ cookiecutter.package_name }}.feature_store.materialization import materialize
from {{ cookiecutter.package_name }}.feature_store.views import features_by_name
from {{ cookiecutter.package_name }}.features import VIEWS
from {{ cookiecutter.package_name }}.feedback import FeedbackError, collect, review, with_paths
from {{ cookiecutter.package_name }}.labels import Label, LabelError, add, current, joined
from {{ cookiecutter.package_name }}.operations import Logging
from {{ cookiecutter.package_name }}.pipeline import ingest, validate
from {{ cookiecutter.package_name }}.prediction_log import Entry, PredictionLog, read
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.sections import Split
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings
from {{ cookiecutter.package_name }}.tables import Table

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def ids(tmp_path: Path) -> list[str]:
    """Three answers that were logged in `tmp_path`."""
    entries = [Entry(NOW, "r", number, "m", "champion", "api", 1.0, {"x": 1}, {"prediction": "a"}) for number in range(3)]
    return PredictionLog(tmp_path, Logging(), "user_id").add(entries) or []


def test_a_label_that_is_said_twice_counts_once(tmp_path: Path, ids: list[str]) -> None:
    """What is said anew goes before it, and what was said before stays in the file."""
    assert add(tmp_path, [Label(ids[0], "a"), Label(ids[1], "b"), Label(ids[0], "a")], NOW) == 2
    assert add(tmp_path, [Label(ids[0], "a"), Label(ids[1], "c")], NOW + dt.timedelta(days=1)) == 1
    assert add(tmp_path, [Label(ids[1], "b")], NOW + dt.timedelta(days=2)) == 1

    found = current(tmp_path).set_index("id")
    assert {ids[0]: "a", ids[1]: "b"} == found["label"].to_dict()
    assert {ids[0]: NOW, ids[1]: NOW + dt.timedelta(days=2)} == found["at"].to_dict()
    assert [(4,)] == ledger.rows(tmp_path / labels.FILE, "SELECT count(*) FROM labels")


def test_a_review_goes_before_what_was_observed(tmp_path: Path, ids: list[str]) -> None:
    """And both before what the answer itself brought about, whatever came last."""
    add(tmp_path, [Label(ids[0], "reviewed", "review", "ada"), Label(ids[1], "observed")], NOW)
    add(tmp_path, [Label(id_, "observed later") for id_ in ids[:1]], NOW)
    add(tmp_path, [Label(id_, "caused", "model") for id_ in ids], NOW)

    found = current(tmp_path).set_index("id")
    assert ["reviewed", "observed", "caused"] == found.loc[ids, "label"].tolist()
    assert ["review", "observed", "model"] == found.loc[ids, "source"].tolist()
    assert ["ada", "", ""] == found.loc[ids, "by"].tolist()


def test_labels_are_kept_all_or_none(tmp_path: Path, ids: list[str]) -> None:
    """The first answer that is not in the log is named."""
    unknown = [Label(ids[0], "a"), Label("20260501-unknown", "a"), Label("nonsense", "a")]

    with pytest.raises(LabelError, match="there is no answer '20260501-unknown' in the log"):
        add(tmp_path, unknown, NOW)

    assert len(current(tmp_path)) == 0
    assert add(tmp_path, [], NOW) == 0


@pytest.mark.parametrize("value", ["drama", "", 7, 0.1 + 0.2, True, False])
def test_a_label_keeps_its_type(tmp_path: Path, ids: list[str], value: Any) -> None:
    """A truth value is no number, and a number loses no digit."""
    add(tmp_path, [Label(ids[0], value)], NOW)

    [found] = current(tmp_path)["label"]
    assert (value, type(value)) == (found, type(found))


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), ["a"]])
def test_what_is_no_label_is_refused(tmp_path: Path, ids: list[str], value: Any) -> None:
    """Its answer is named."""
    with pytest.raises(LabelError, match=f"the label of '{ids[0]}' is .*; give a text, a finite number or a truth value"):
        add(tmp_path, [Label(ids[0], value)], NOW)


def test_a_source_that_nobody_knows_is_refused(tmp_path: Path, ids: list[str]) -> None:
    """The known ones are told."""
    with pytest.raises(LabelError, match="is from 'hearsay'; a source is one of observed, review, model"):
        add(tmp_path, [Label(ids[0], "a", "hearsay")], NOW)  # type: ignore[arg-type]


def test_labels_join_the_log(tmp_path: Path, ids: list[str]) -> None:
    """The labelled answers alone, with their rows' index; none, before the first label."""
    log = read(tmp_path)
    more = ["label", "labelled_at", "source_of_label", "by"]
    assert [*log, *more] == list(joined(tmp_path, log))
    assert len(joined(tmp_path, log)) == 0
    later = NOW + dt.timedelta(days=3)
    add(tmp_path, [Label(ids[2], "c", by="ada"), Label(ids[1], "b")], later)

    found = joined(tmp_path, log)

    assert {1: "b", 2: "c"} == found["label"].to_dict()
    assert [["b", later, "observed", ""], ["c", later, "observed", "ada"]] == found[more].values.tolist()
    pd.testing.assert_frame_equal(found[list(log)], log.loc[[1, 2]])
    assert [2] == list(joined(tmp_path, log[2:]).index)


def test_many_say_the_same_at_once(tmp_path: Path, ids: list[str]) -> None:
    """One of them is new."""
    together = threading.Barrier(8)

    def say(_: int) -> int:
        together.wait(60)
        return add(tmp_path, [Label(id_, "a") for id_ in ids], NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(say, range(8))) == 3


def test_a_label_cannot_be_changed(tmp_path: Path, ids: list[str]) -> None:
    """The file is only added to."""
    add(tmp_path, [Label(ids[0], "a")], NOW)

    with closing(sqlite3.connect(tmp_path / labels.FILE)) as file, pytest.raises(sqlite3.IntegrityError, match="only added to"):
        file.execute("UPDATE labels SET label = '\"b\"'")


def test_labels_that_cannot_be_read_are_one_sentence(tmp_path: Path, ids: list[str]) -> None:
    """Nor written."""
    (tmp_path / labels.FILE).write_bytes(b"torn" * 1000)

    for call in (lambda: current(tmp_path), lambda: add(tmp_path, [Label(ids[0], "a")], NOW)):
        with pytest.raises(
            LabelError, match=r"labels.sqlite can be neither read nor written: file is not a database; make room"
        ):
            call()


def test_labels_of_an_entity_are_forgotten(tmp_path: Path, ids: list[str]) -> None:
    """With its answers, to the last byte; those of others stay."""
    add(tmp_path, [Label(ids[0], "hers alone"), Label(ids[0], "hers too", "review"), Label(ids[1], "his")], NOW)

    assert labels.forget(tmp_path, 0) == (1, 2)
    assert labels.forget(tmp_path, 0) == (0, 0)
    assert [1, 2] == read(tmp_path)["key"].tolist()
    assert {ids[1]: "his"} == current(tmp_path).set_index("id")["label"].to_dict()
    assert not any(b"hers" in path.read_bytes() for path in tmp_path.iterdir())


def test_a_label_is_a_target_of_the_task() -> None:
    """A class has a name, and a number is a number."""
    assert [labels.formed(value, "classification") for value in ("a", 3, 3.0, True)] == ["a", "3", "3", "True"]
    assert [labels.formed(value, "regression") for value in (3, "3.5")] == [3.0, 3.5]
    with pytest.raises(LabelError, match=r"a label is 'many', and data.task of settings.toml is regression; give numbers"):
        labels.formed("many", "regression")


@pytest.fixture
def logged(predictor: Predictor, settings: Settings, tmp_path: Path) -> pd.DataFrame:
    """The answers to golden rows, logged in the folder of the settings: the first a day before, the last one a shadow's."""
    log = predictor.log(settings, tmp_path)
    replies = predictor.replies(predictor.bundle.card.golden_rows, NOW)
    entries = [predictor.entry(reply, NOW, "request", "api", 1.0) for reply in replies]
    first, last = ({**vars(entries[0]), "at": NOW - dt.timedelta(days=1)}, {**vars(entries[-1]), "variant": "shadow"})
    log.add([Entry(**first), *entries[1:-1], Entry(**last)])
    return read(tmp_path / settings.logging.folder)


def test_unsure_answers_are_to_be_reviewed(logged: pd.DataFrame, settings: Settings, tmp_path: Path) -> None:
    """The unsurest first, with what the model read but for pictures; not those that were labelled, nor a shadow's."""
    folder, ids = tmp_path / settings.logging.folder, logged["id"].tolist()
    add(folder, [Label(ids[3], "x"), Label(ids[1], "x", "review"), Label(ids[2], "x", "model")], NOW)

    with pytest.raises(FeedbackError, match="no probability"):
        review(folder, settings.model_copy(update={"data": settings.data.model_copy(update={"task": "regression"})}))
    if settings.data.task == "regression":
        return
    everything = settings.model_copy(update={"feedback": settings.feedback.model_copy(update={"review_below": 1.0})})
    nothing = settings.model_copy(update={"feedback": settings.feedback.model_copy(update={"review_below": 0.0})})
    found = review(folder, everything)

    assert sorted([ids[0], ids[2], *ids[4:-1]]) == sorted(found["id"])
    assert found["probability"].is_monotonic_increasing
    assert found["label"].isna().all()
    read_ = [name for name, kind in settings.columns.modalities().items() if kind != "image"]
    assert ["id", "key", "at", "prediction", "probability", *read_] == list(found)[: 5 + len(read_)]
    assert list(found) == list(review(folder, nothing))
    assert len(review(folder, nothing)) == 0


def test_labelled_answers_become_rows(logged: pd.DataFrame, settings: Settings, tmp_path: Path, predictor: Predictor) -> None:
    """With the raw columns that the model read, the time of the answer and who says so; not with what is stored, or caused."""
    folder, ids, data = tmp_path / settings.logging.folder, logged["id"].tolist(), settings.data
    x, y, z = [1.0, 2.0, 3.0] if data.task == "regression" else ["x", "y", "z"]
    add(folder, [Label(ids[1], x, "review", "ada"), Label(ids[0], y), Label(ids[2], z, "model")], NOW)
    stored = features_by_name(VIEWS)

    found = collect(folder, settings, stored)
    rows = found.rows.to_pandas()

    golden = predictor.bundle.card.golden_rows
    assert {"observed": 1, "review": 1} == found.sources
    assert {"labels of source 'model'": 1} == found.left_out
    assert [golden[0][data.entity], golden[1][data.entity]] == rows[data.entity].tolist()
    assert [[y, ids[0], "observed", ""], [x, ids[1], "review", "ada"]] == rows[
        [data.target, "prediction_id", "label_source", "label_by"]
    ].values.tolist()
    assert not set(stored) & set(rows)
    assert set(settings.columns.names) - set(stored) <= set(rows)
    if data.event_time:
        assert [NOW - dt.timedelta(days=1), NOW] == rows[data.event_time].tolist()
    for name in settings.columns.image:
        expected = predictor._frame(golden[:2])[name].tolist()
        assert expected == rows[name].tolist()
        paths = with_paths(found.rows, [name], tmp_path / "pictures")[name].to_pylist()
        assert expected == [Path(path).read_bytes() for path in paths]


def test_what_cannot_be_learned_from_is_one_sentence(logged: pd.DataFrame, settings: Settings, tmp_path: Path) -> None:
    """Nothing is labelled, or rows are split by what no answer holds."""
    folder = tmp_path / settings.logging.folder
    with pytest.raises(FeedbackError, match=r"no answer in .* can be learned from: none is labelled; give labels"):
        collect(folder, settings, ())
    add(folder, [Label(logged["id"][0], "z", "model")], NOW)

    with pytest.raises(FeedbackError, match="can be learned from: labels of source 'model': 1; give labels"):
        collect(folder, settings, ())
    with pytest.raises(FeedbackError, match=r"split.by = 'region' is logged of no answer; split by data.entity"):
        collect(folder, settings.model_copy(update={"split": Split(by="region", test_share=0.2)}), ())


def test_rows_without_private_columns_are_left_out(predictor: Predictor, settings: Settings, tmp_path: Path) -> None:
    """And counted: a row that lacks what the model read would teach it that it is missing."""
    card, replies = predictor.bundle.card, predictor.replies(predictor.bundle.card.golden_rows[:2], NOW)
    raw = [name for name in card.columns.names if name not in features_by_name(VIEWS)]
    private = next(name for name in raw if replies[0].inputs[name] is not None)
    entries = [predictor.entry(reply, NOW, "request", "api", 1.0) for reply in replies]
    entries[1] = Entry(**{**vars(entries[1]), "inputs": {**entries[1].inputs, private: None}})
    ids = PredictionLog(tmp_path, Logging(), card.data.entity, card.columns.image, [private]).add(entries) or []
    add(tmp_path, [Label(id_, 1.0) for id_ in ids], NOW)

    found = collect(tmp_path, settings, features_by_name(VIEWS))

    assert {"private values or pictures are not in the log": 1} == found.left_out
    assert [ids[1]] == found.rows["prediction_id"].to_pylist()


def test_labels_go_round(root: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scored, looked at, given back, collected beside the owner's file, and learned from like the others."""
    folder = shutil.copytree(root, tmp_path / "p", symlinks=True)
    monkeypatch.chdir(folder)
    shutil.rmtree(folder / settings.logging.folder, ignore_errors=True)
    data, own = settings.data, pd.read_parquet(folder / "artifacts" / "ingest" / f"{settings.data.rows}.parquet")
    own.head(30).to_parquet("rows.parquet", index=False)
    change(folder, "feedback", review_below=1.0)
    said("score rows.parquet answers.csv")
    answers = read_files([Path("answers.csv")])
    truth = pd.DataFrame({"prediction_id": answers["prediction_id"], "label": own[data.target].head(30)})
    truth.head(10).to_csv("observed.csv", index=False)
    assert "labels: 10; new: 10" in said("labels add observed.csv")
    assert "labels: 10; new: 0" in said("labels add observed.csv")

    pd.DataFrame({"id": answers["prediction_id"].tail(20), "label": None}).to_csv("review.csv", index=False)
    if data.task == "classification":  # of a regression nobody knows how sure it was
        said("labels review review.csv")
    review = read_files([Path("review.csv")], ["label"])
    assert set(review["id"]).isdisjoint(truth["prediction_id"].head(10))
    review.assign(label=pd.Series([own[data.target][0]] * (len(review) - 1))).to_csv("review.csv", index=False)
    assert f"labels: {len(review) - 1}; new: {len(review) - 1}; rows without a label: 1" in said(
        "labels add review.csv --source review --by ada"
    )
    (folder / "own").mkdir()
    own.assign(more=1.5).to_parquet("own/0.parquet", index=False)
    assert f"rows: {9 + len(review)} (observed 10, review {len(review) - 1})" in said("labels collect own/labelled.parquet")

    whole = settings.model_copy(update={"tables": settings.tables | {data.rows: Table(path="own")}})
    for name, step in (("ingested", ingest), ("validated", validate)):
        (folder / name).mkdir()
        step.run(whole, folder / name, folder, *([folder / "ingested"] if step is validate else []))
    learned = pd.read_parquet(folder / "validated" / f"{data.rows}.parquet")
    assert len(learned) == len(own) + 9 + len(review)
    assert (learned["label_by"] == "ada").sum() == len(review) - 1
    assert len(pd.read_parquet(folder / "validated" / "quarantine.parquet")) == 0


def test_a_file_of_labels_that_cannot_be_used_is_one_sentence(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An absent one, a foreign ending, missing columns, an answer that is not in the log; and where a result cannot go."""
    folder = shutil.copytree(root, tmp_path / "p", symlinks=True)
    monkeypatch.chdir(folder)
    Path("other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    Path("unknown.csv").write_text("id,label\n20260501-unknown,1\n", encoding="utf-8")

    for words, sentence in (
        ("labels add none.csv", "there is no .csv or .parquet file 'none.csv'"),
        ("labels add settings.toml", "there is no .csv or .parquet file 'settings.toml'"),
        ("labels add other.csv", "other.csv has the columns a, b; labels have the columns id and label"),
        ("labels add unknown.csv", "there is no answer '20260501-unknown' in the log"),
        ("labels collect rows.csv", "rows.csv cannot hold pictures and the types of columns"),
        ("labels collect none/rows.parquet", "there is no folder"),
        ("labels review rows.xlsx", "neither .csv nor .parquet"),
    ):
        assert sentence in str(CliRunner().invoke(app, words.split()).exception)


@pytest.mark.parametrize("stored", [True, False])
def test_a_deleted_entity_leaves_the_log(
    root: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """The word that deletes it from the feature store says how many answers and labels went along; of no view, too."""
    folder = shutil.copytree(root, tmp_path / "p", symlinks=True)
    monkeypatch.chdir(folder)
    shutil.rmtree(folder / settings.logging.folder, ignore_errors=True)
    entity, log = settings.data.entity, folder / settings.logging.folder
    said("predict")
    [answer] = read(log).to_dict(orient="records")
    add(log, [Label(answer["id"], 1.0)], NOW)

    views = [view.name for view in VIEWS if entity in view.keys] if stored else []
    if not stored:
        materialize(settings.features.folder(folder), (), {}, NOW)

    told = said(f"features delete {entity}={answer['key']}").splitlines()

    assert "prediction log: 1 answers and 1 labels removed" == told[0]
    assert (views or ["feature store"]) == [line.partition(":")[0] for line in told[1:-1]]
    assert len(read(log)) == 0
    assert len(read(log, key=answer["key"])) == 0


def said(words: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, words.split())
    if isinstance(done.exception, Refusal):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout
