"""Replay: what was logged is answered again, and another answer does not go unnoticed."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.bundle import Bundle
from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.model.persistence import BundleError
from {{ cookiecutter.package_name }}.operations import Logging
from {{ cookiecutter.package_name }}.prediction_log import Entry, PredictionLog, read
from {{ cookiecutter.package_name }}.replay import MASKED, NOT_KEPT, differences, inputs_of, replay, replayed
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
Logged = Callable[..., pd.DataFrame]


@pytest.fixture
def logged(predictor: Predictor, tmp_path: Path) -> Logged:
    """Logs the answers to golden rows, one by one and together, with what the test says of the log."""

    def log(rules: Logging | None = None, private: tuple[str, ...] = ()) -> pd.DataFrame:
        card = predictor.bundle.card
        segment = {card.data.segment: "a segment"} if card.data.segment else {}
        rows = [*card.golden_rows, card.golden_rows[0] | segment]
        replies = [*(reply for row in rows for reply in predictor.replies([row], NOW)), *predictor.replies(rows, NOW)]
        entries = [predictor.entry(reply, NOW, "request", "api", 1.0) for reply in replies]
        PredictionLog(tmp_path, rules or Logging(), card.data.entity, card.columns.image, private).add(entries)
        return read(tmp_path)

    return log


def test_the_log_is_answered_as_it_was(logged: Logged, predictor: Predictor, tmp_path: Path) -> None:
    """Rows that were answered alone or together, with pictures and a given segment, and golden rows that lack all but a key."""
    log = logged()

    again = replayed(predictor.bundle, log, tmp_path)

    assert list(log.index) == list(again.index)
    assert len(differences(log, again)) == 0
    was = pd.Series([answer["prediction"] for answer in log["answer"]], log.index, again["prediction"].dtype, "prediction")
    pd.testing.assert_series_equal(was, again["prediction"], rtol=1e-12)
    assert replay(log, tmp_path, lambda _: predictor.bundle).equal == len(log)


def test_a_given_segment_is_given_again(logged: Logged, predictor: Predictor, tmp_path: Path) -> None:
    """And one that was predicted is not, even where the model read it of the store."""
    log, segment = logged(), predictor.bundle.card.data.segment
    for inputs, answer in zip(log["inputs"], log["answer"], strict=True):
        inputs |= {segment: "read"} if segment and answer["route_source"] != "given" else {}

    _, known = inputs_of(log, predictor.bundle.card, tmp_path)

    given = [answer["route_source"] == "given" for answer in log["answer"]]
    assert (known is None) == (predictor.bundle.card.data.segment is None)
    if known is not None:
        assert given == known.notna().tolist()
        assert set(known[given]) <= {"a segment"}


class Stored(Predictor):
    """A predictor whose store knows the segment of everybody."""

    def _with_features(self, rows: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
        return super()._with_features(rows, now).assign(group="stored")


def test_a_segment_that_the_store_knows_is_logged_as_it_was_read(predictor: Predictor) -> None:
    """Where the model reads it as a column too: nobody gave it, and yet it was read."""
    card = predictor.bundle.card
    columns = card.columns.model_copy(update={"categories": (*card.columns.categories, "group")})
    own = card.model_copy(update={"columns": columns, "data": card.data.model_copy(update={"segment": "group"})})
    stored = Stored(replace(predictor.bundle, card=own), predictor.store, predictor.views)

    _, inputs = stored.answered(predictor._frame(card.golden_rows).assign(group=None), NOW)

    assert {"stored"} == set(inputs["group"])


class Other:
    """An answerer that has changed its mind about one row."""

    def __init__(self, bundle: Bundle, name: str, value: object) -> None:
        self.bundle, self.name, self.value = bundle, name, value

    def answers(self, frame: pd.DataFrame, segment: Any = None) -> pd.DataFrame:
        """As the bundle's, but for the second row."""
        found = self.bundle.answerer.answers(frame, segment)
        values = [self.value if place == 1 else value for place, value in enumerate(found[self.name])]
        return found.assign(**{self.name: pd.Series(values, found.index, dtype=object)})


@pytest.mark.parametrize(
    ("name", "value"),
    [("prediction", "another"), ("prediction", float("nan")), ("probability", "nudged"), ("missing", "a word"), ("route", "b")],
)
def test_another_answer_is_noticed(logged: Logged, predictor: Predictor, tmp_path: Path, name: str, value: object) -> None:
    """A number beyond 1e-9, and a word at all: the row, the field, and both."""
    log = logged()
    was = log["answer"][1][name]
    now = value if value != "nudged" else was + 1e-6 if was is not None else 0.5  # of a regression there was none
    changed = replace(predictor.bundle, answerer=Other(predictor.bundle, name, now))  # type: ignore[arg-type]

    found = differences(log, replayed(changed, log, tmp_path))

    assert [[log["id"][1], name, was]] == found[["id", "field", "logged"]].values.tolist()
    assert str(now) == str(found["replayed"].iloc[0])
    assert [1] == found.index.tolist()
    assert replay(log, tmp_path, lambda _: changed).equal == len(log) - 1


def test_what_is_below_a_billionth_is_no_difference(logged: Logged, predictor: Predictor, tmp_path: Path) -> None:
    """One row alone is summed in another order than a matrix."""
    log = logged()
    again = replayed(predictor.bundle, log, tmp_path)

    assert len(differences(log, again.assign(probability=again["probability"] * (1 + 1e-12)))) == 0


def test_no_probability_is_none(logged: Logged, predictor: Predictor, tmp_path: Path) -> None:
    """A regression has none, which is NaN in a frame and null in the log."""
    log = logged()
    again = replayed(predictor.bundle, log, tmp_path).assign(probability=float("nan"))

    assert len(differences(log.assign(answer=[answer | {"probability": None} for answer in log["answer"]]), again)) == 0
    assert len(differences(log, again)) == sum(answer["probability"] is not None for answer in log["answer"])


def test_masked_rows_are_said(logged: Logged, predictor: Predictor, tmp_path: Path) -> None:
    """They cannot be replayed, and are not taken for equal."""
    name = predictor.bundle.card.columns.names[0]
    log = logged(private=(name,))
    masked = sum(bool(names) for names in log["masked"])

    found = replay(log, tmp_path, lambda _: predictor.bundle)

    assert 0 < masked < len(log)
    assert (found.equal, Counter(found.left_out.values())) == (len(log) - masked, {MASKED: masked})
    assert [not names for names in log["masked"]] == log.index.isin(
        inputs_of(log, predictor.bundle.card, tmp_path)[0].index
    ).tolist()


def test_pictures_that_were_not_kept_are_said(logged: Logged, predictor: Predictor, tmp_path: Path) -> None:
    """A row without a picture is replayed all the same."""
    images = predictor.bundle.card.columns.image
    log = logged(Logging(pictures=False))
    with_one = sum(any(inputs[name] for name in images) for inputs in log["inputs"])

    found = replay(log, tmp_path, lambda _: predictor.bundle)

    assert found.equal == len(log) - with_one
    assert Counter(found.left_out.values()) == ({NOT_KEPT: with_one} if images else {})
    assert len(found.differences) == 0


def test_nothing_to_replay_is_no_difference(logged: Logged, predictor: Predictor, tmp_path: Path) -> None:
    """Where every row is masked, no column is lost."""
    log = logged(private=predictor.bundle.card.columns.names)
    bare = log[[bool(names) for names in log["masked"]]]

    again = replayed(predictor.bundle, bare, tmp_path)

    assert len(again) == len(differences(bare, again)) == 0
    assert list(replayed(predictor.bundle, log, tmp_path)) == list(again)


def test_a_model_that_is_gone_is_said(logged: Logged, predictor: Predictor, tmp_path: Path) -> None:
    """With the reason for which it cannot be loaded; the answers of others are replayed."""
    log = logged()
    other = log.assign(model=["gone" if place < 2 else model for place, model in enumerate(log["model"])])

    def load(version: str) -> Bundle:
        if version == "gone":
            raise BundleError("there is no model 'gone'")
        return predictor.bundle

    found = replay(other, tmp_path, load)

    assert (found.equal, found.left_out) == (len(log) - 2, dict.fromkeys(log["id"][:2], "there is no model 'gone'"))


def test_the_word_replay(root: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many answers are equal, and refuses, by name, the first that is not; what was not logged is no success."""
    folder = shutil.copytree(root, tmp_path / "p", symlinks=True)
    log = folder / settings.logging.folder
    shutil.rmtree(log, ignore_errors=True)
    monkeypatch.chdir(folder)
    nothing = CliRunner().invoke(app, ["replay"])
    CliRunner().invoke(app, ["predict"])
    CliRunner().invoke(app, ["predict"])
    equal = CliRunner().invoke(app, ["replay"])
    [answer, _] = read(log)["answer"]
    [version] = set(read(log)["model"])
    forged = Entry(
        dt.datetime.now(dt.UTC), "r", 1, version, "champion", "api", 1.0, read(log)["inputs"][0], answer | {"unseen": "x"}
    )
    PredictionLog(log, Logging(), settings.data.entity).add([forged])

    other, last = CliRunner().invoke(app, ["replay"]), CliRunner().invoke(app, ["replay", "--last", "1"])
    since = CliRunner().invoke(app, ["replay", "--since", "2200-01-01"])

    assert "no answer is logged in" in str(nothing.exception)
    assert equal.stdout == "answers: 2; given again, and equal: 2\n"
    assert "answers: 3; given again, and equal: 2" in other.stdout
    assert "answers: 1; given again, and equal: 0" in last.stdout
    assert "no answer is logged in" in str(since.exception)
    assert f"1 answers are others now; the first is {read(log)['id'][2]}, whose unseen was 'x' and is None" in str(
        other.exception
    )
    assert registry.current_version(folder / registry.FOLDER) == version
