"""Why a logged answer was given: by the model that gave it, of what it read, and by which columns."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from typer.testing import CliRunner, Result

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.bundle import Bundle
from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.explanation import told
from {{ cookiecutter.package_name }}.logged_answer import IDENTITY
from {{ cookiecutter.package_name }}.occlusion import MOST, occluded
from {{ cookiecutter.package_name }}.operations import Logging
from {{ cookiecutter.package_name }}.prediction_log import Entry, PredictionLog, read
from {{ cookiecutter.package_name }}.replay import inputs_of
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

OTHERS = pd.DataFrame({"a": [0.0, 2.0, 4.0], "b": [1.0, 1.0, 1.0], "c": [5.0, 6.0, 7.0]})
ROW = pd.DataFrame({"a": [5.0], "b": [3.0], "c": [9.0]})


@dataclass
class Logged:
    """A copy of the project in which some answers are logged."""

    folder: Path
    log: Path

    def answers(self) -> pd.DataFrame:
        """All of them."""
        return read(self.log)


@pytest.fixture
def logged(root: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Logged:
    """A copy of the project, in which the commands are typed, with two answers about one entity."""
    folder = Path(shutil.copytree(root, tmp_path / "p", symlinks=True))
    shutil.rmtree(folder / settings.logging.folder, ignore_errors=True)
    monkeypatch.chdir(folder)
    typed("predict")
    typed("predict")
    return Logged(folder, folder / settings.logging.folder)


def test_a_number_is_taken_apart_by_column() -> None:
    """In a sum, each column adds its weight times how far its value is from the others' mean; the largest comes first."""
    model = LinearRegression().fit(OTHERS, [0.0, 1.0, 2.0])
    model.coef_, model.intercept_ = np.array([2.0, -3.0, 0.0]), 1.0

    number, found = occluded(_bundle(model, None), ROW, OTHERS)

    assert 2.0 == pytest.approx(number)
    assert {"a": 6.0, "b": -6.0, "c": 0.0} == pytest.approx(found.to_dict())
    assert "c" == found.index[-1]


def test_a_class_is_taken_apart_by_its_probability() -> None:
    """Of the class that was answered, whichever it is."""
    model = LogisticRegression().fit(OTHERS, ["no", "yes", "yes"])
    model.coef_, model.intercept_ = np.array([[-1.0, 0.0, 0.0]]), np.array([1.0])

    number, found = occluded(_bundle(model, ("no", "yes")), ROW, OTHERS)

    no = 1 / (1 + np.exp(1 - np.array([5.0, 0.0, 2.0, 4.0])))
    assert no[0] == pytest.approx(number)
    assert {"a": no[0] - no[1:].mean(), "b": 0.0, "c": 0.0} == pytest.approx(found.to_dict())


def test_the_cost_is_bounded() -> None:
    """However many other rows there are, MOST of them are answered, together, per column."""
    asked: list[int] = []
    model = LinearRegression().fit(OTHERS, [0.0, 1.0, 2.0])

    def encode(X: pd.DataFrame) -> pd.DataFrame:
        asked.append(len(X))
        return X

    bundle = _bundle(model, None, encode)

    occluded(bundle, ROW, pd.concat([OTHERS] * MOST))

    assert [1, *[MOST] * 3] == asked


def test_what_is_taken_apart_is_the_answer(predictor: Predictor, tmp_path: Path) -> None:
    """With and without a given segment, and of rows that lack whole modalities; every column is told of."""
    card, bundle = predictor.bundle.card, predictor.bundle
    given = {card.data.segment: "a segment"} if card.data.segment else {}
    replies = predictor.replies([*card.golden_rows, card.golden_rows[0] | given], pd.Timestamp("2030-01-01", tz="UTC"))
    PredictionLog(tmp_path, Logging(), card.data.entity, card.columns.image).add(
        [predictor.entry(reply, pd.Timestamp("2030-01-01", tz="UTC"), "r", "api", 1.0) for reply in replies]
    )
    log = read(tmp_path)
    inputs, known = inputs_of(log, card, tmp_path)
    for place, answer in enumerate(log["answer"]):
        number, found = occluded(bundle, inputs.iloc[[place]], inputs, None if known is None else known.iloc[place])

        assert answer["prediction" if card.classes is None else "probability"] == pytest.approx(number)
        assert set(card.columns.names) == set(found.index)
        assert sorted(found.abs(), reverse=True) == found.abs().tolist()


def test_a_logged_answer_is_explained_by_the_model_that_gave_it(logged: Logged) -> None:
    """When, by which model, asked how, of what; that the same comes out again; and why. It may answer no longer."""
    row = logged.answers().iloc[0]
    (logged.folder / registry.FOLDER / registry.CURRENT).unlink()
    done = typed("explain", row["id"])

    assert 0 == done.exit_code, done.exception
    words = (row["id"], f"{row['at']:%Y-%m-%dT%H:%M:%SZ}", row["model"], "command", told(row["answer"]["prediction"]))
    assert [] == [word for word in words if word not in done.stdout]
    assert [] == [name for name in row["inputs"] if f"\n {name} " not in done.stdout]
    assert "the same inputs again, by that model: the answer is the same" in done.stdout
    assert "what moved the answer" in done.stdout


def test_without_training_rows_the_models_golden_rows_do(logged: Logged) -> None:
    """As in an image that has no artifacts."""
    row = logged.answers().iloc[0]
    shutil.rmtree(logged.folder / "artifacts" / "training_set")

    assert " golden rows\n" in typed("explain", row["id"]).stdout


def test_an_answer_that_is_another_one_now_is_told(logged: Logged, settings: Settings) -> None:
    """By its field, as it was logged and as it is."""
    _forge(logged, settings, unseen="x")
    done = typed("explain", logged.answers()["id"].iloc[-1])

    assert "the answer is another one now" in done.stdout
    assert ["unseen", "x", "-"] in [line.split() for line in done.stdout.splitlines()]


def test_of_a_removed_model_the_log_is_shown_and_no_more(logged: Logged) -> None:
    """In one sentence, and no success; a replay of its answer is none either."""
    row = logged.answers().iloc[0]
    shutil.rmtree(logged.folder / registry.FOLDER / row["model"])
    (logged.folder / registry.FOLDER / registry.CURRENT).unlink()
    done, again = typed("explain", row["id"]), typed("replay", "--id", row["id"])

    assert "answer, as logged" in done.stdout
    assert "what moved" not in done.stdout
    assert (1, 1) == (done.exit_code, again.exit_code)
    assert f"was given by model {row['model']}, which was removed from models/" in str(done.exception)
    assert f"{row['id']}: not replayed: there is no model" in again.stdout
    assert "1 answers were not replayed, for their models cannot be loaded" in str(again.exception)


def test_what_is_private_stays_so(logged: Logged, settings: Settings) -> None:
    """It is said that it was there; the answer cannot be given again, which is no success."""
    _forge(logged, settings, private=True)
    row = logged.answers().iloc[-1]
    done = typed("explain", row["id"])

    assert [["(private:", "not", "in", "the", "log)"]] * len(row["masked"]) == [
        line.split()[1:] for line in done.stdout.splitlines() if "private" in line
    ]
    assert 1 == done.exit_code
    assert "cannot be given again, nor explained: private values are not in the log" in str(done.exception)


def test_an_entitys_row_is_not_taken_for_its_answers(logged: Logged, settings: Settings) -> None:
    """Above all else stands which row and which model are shown, and by which ids to see what was answered."""
    log = logged.answers()
    rows = pd.read_parquet(logged.folder / "artifacts" / "test_set" / "test.parquet")
    key = str(rows[settings.data.entity].iloc[-1])
    _forge(logged, settings, key=key)
    [version] = set(log["model"])
    done, other = typed("explain", key, "--version", version), typed("explain", key, "--version", "gone")

    head, found = done.stdout.partition("as ingested")[0], logged.answers()
    assert f"a raw row of table '{settings.data.rows}', no logged answer" in head
    assert "answers now" in head
    assert version in head
    assert "`explain ID` shows one of these" in head
    assert [found["id"].iloc[-1]] == [id_ for id_ in found["id"] if id_ in head]
    assert "there is no model 'gone'" in str(other.exception)
    assert "has one row and one model" in str(typed("explain", found["id"].iloc[0], "--row", "1").exception)


def test_the_word_log(logged: Logged, settings: Settings) -> None:
    """The newest first, a line each; by entity, by time, by number; what is no time is told an example."""
    _forge(logged, settings, key="somebody else")
    log = logged.answers()
    ids = log["id"].tolist()

    assert ids[::-1] == _ids(typed("log"))
    assert ids[:1:-1] == _ids(typed("log", "--last", "1")) == _ids(typed("log", "--key", "somebody else"))
    assert ids[1::-1] == _ids(typed("log", "--key", str(log["key"].iloc[0])))
    assert ids[::-1] == _ids(typed("log", "--since", f"{log['at'].iloc[0]:%Y-%m-%d}"))
    for word in ("log", "replay"):
        assert "'yesterday', expected a time in UTC such as 2026-05-01 or" in str(typed(word, "--since", "yesterday").exception)
        assert "with key = nobody" in str(typed(word, "--key", "nobody").exception)
    assert "has the id '20260101-" in str(typed("explain", f"20260101-{'0' * 20}").exception)


def test_a_replay_is_of_one_answer_or_one_entity(logged: Logged, settings: Settings) -> None:
    """And names each that is another one."""
    _forge(logged, settings, key="somebody else", unseen="x")
    first, *_, last = logged.answers()["id"]

    assert "answers: 1; given again, and equal: 1\n" == typed("replay", "--id", first).stdout
    other = typed("replay", "--key", "somebody else")
    assert f"answers: 1; given again, and equal: 0\n{last}: another answer: unseen was 'x' and is None\n" == other.stdout
    assert 1 == other.exit_code


def typed(*words: str) -> Result:
    """What came of a command."""
    return CliRunner().invoke(app, list(words))


def _ids(done: Result) -> list[str]:
    """The answers that were listed, in their order."""
    return [word for line in done.stdout.splitlines() for word in line.split()[:1] if IDENTITY.fullmatch(word)]


def _forge(logged: Logged, settings: Settings, key: str | None = None, private: bool = False, **said: str) -> None:
    """Log the first answer once more, about somebody else, with other words, or with its inputs masked."""
    row = logged.answers().iloc[0]
    named = row["key"] if key is None else key
    now = dt.datetime.now(dt.UTC)
    entry = Entry(now, "r", named, row["model"], "champion", "api", 1.0, row["inputs"], row["answer"] | said)
    masked = tuple(row["inputs"]) if private else ()
    PredictionLog(logged.log, Logging(), settings.data.entity, (), masked).add([entry])


def _bundle(model: object, classes: tuple[str, ...] | None, encode: object = None) -> Bundle:
    """A model over three numbers, with the one word of its card that is read."""
    pipeline = Pipeline([("encode", FunctionTransformer(encode or np.asarray)), ("model", model)])
    return Bundle(SimpleNamespace(classes=classes), pipeline, None)  # type: ignore[arg-type]
