"""The explanation: one row in every step, as the steps wrote it, to the answer that `predict` gives."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from typer.testing import CliRunner

from {{ cookiecutter.package_name }} import explanation
from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.data.schema import moment
from {{ cookiecutter.package_name }}.explanation import LONG, NOTHING, Part, explained, show, told
from {{ cookiecutter.package_name }}.model.answers import Answerer
from {{ cookiecutter.package_name }}.model.persistence import file_of, load
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
SIDES = {"test_set/test": "test", "training_set/train": "train"}


@pytest.mark.parametrize("file", SIDES)
def test_the_answer_is_what_predict_says(root: Path, settings: Settings, predictor: Predictor, file: str) -> None:
    """Of the newest row, from either side, with the features that it had then, and with no segment given."""
    data, row = settings.data, _rows(root, settings, file).tail(1)
    answered = _answer(predictor, row, settings)
    parts = _by_title(explained(settings, root, str(row[data.entity].iloc[0])))
    answer = parts["answer"]

    assert {"prediction", "model", "truth"} <= answer.keys()
    assert {name: answered[name] for name in answer if name != "truth"} == {n: v for n, v in answer.items() if n != "truth"}
    assert row[data.target].iloc[0] == answer["truth"]
    if data.task == "classification":
        assert (answer["prediction"], answer["probability"]) == next(iter(parts["probabilities"].items()))


@pytest.mark.parametrize("file", SIDES)
def test_each_of_an_entitys_rows_is_found_again_in_every_step(root: Path, settings: Settings, file: str) -> None:
    """The oldest is 1; what is told of it is what the steps wrote, and which side it fell on."""
    data, rows = settings.data, _rows(root, settings, file)
    raw = pd.read_parquet(root / "artifacts" / "ingest" / f"{data.rows}.parquet")
    own = raw[raw[data.entity] == rows[data.entity].iloc[0]]
    for number in range(1, len(own) + 1)[:5] if len(own) == len(rows) else ():  # all of them good, and on this side
        _, first, _, features, *_ = explained(settings, root, str(rows[data.entity].iloc[0]), number)
        assert moment(dict(first.rows).get(data.event_time)) == moment(rows.iloc[number - 1].get(data.event_time))
        assert features.title == f"features, as known then ({SIDES[file]} row)"
        known = rows.iloc[number - 1]
        assert [(name, told(known[name])) for name, *_ in features.rows] == [(name, told(v)) for name, v, _ in features.rows]


def test_every_candidate_can_be_explained(root: Path, settings: Settings, predictor: Predictor) -> None:
    """What was encoded, and of a cascade the routes: their weights are shares, and the likeliest is the answer's."""
    fit, row = root / "artifacts" / "fit", _rows(root, settings, "test_set/test").tail(1)
    columns = predictor.bundle.card.columns.by_modality()
    for name in json.loads((fit / "candidates.json").read_text(encoding="utf-8")):
        model = load(file_of(fit, name, settings.model.saved_as))
        pipeline = Pipeline([("encode", predictor.bundle.pipeline[0]), ("model", model)])
        bundle = replace(predictor.bundle, pipeline=pipeline, answerer=Answerer(pipeline))
        parts = {part.title: part.rows for part in explanation._answer(bundle, root, row)}
        answer = {str(word): value for word, value in parts["answer"]}

        assert [*columns] == [modality for modality, *_ in parts["encoded"]]
        assert answer["prediction"] == _answer(replace(predictor, bundle=bundle), row, settings)["prediction"]
        assert ("routed" in parts) == bool(getattr(model, "routes_", ()))
        if "routed" in parts:
            routes, probabilities, weights, _ = zip(*parts["routed"], strict=True)
            assert 1 == pytest.approx(sum(weights))
            assert (answer["route"], answer["route_probability"]) == (routes[np.argmax(probabilities)], max(probabilities))


def test_the_largest_columns_are_named(root: Path, settings: Settings) -> None:
    """By what they are called in their modality, with the block's width and norm."""
    row = _rows(root, settings, "test_set/test").tail(1)
    parts = {part.title: part for part in explained(settings, root, str(row[settings.data.entity].iloc[0]))}

    for _, width, norm, words in parts["encoded"].rows:
        values = [float(word.split()[-1]) for word in words.split(", ") if word]
        assert len(values) <= min(width, explanation.LARGEST)
        assert sorted(map(abs, values), reverse=True) == [abs(value) for value in values]
        assert np.linalg.norm(values) <= norm * 1.01


def test_a_row_that_was_put_aside_is_shown_with_its_reasons(root: Path, settings: Settings, tmp_path: Path) -> None:
    """And nothing after them; the entity's other rows are found as before."""
    data, key = settings.data, _rows(root, settings, "test_set/test")[settings.data.entity].iloc[0]
    before, steps = explained(settings, root, str(key)), _copied(root, tmp_path)
    raw = pd.read_parquet(steps / "ingest" / f"{data.rows}.parquet")
    own = raw[raw[data.entity] == key].head(1).assign(**{data.target: None})
    pd.concat([own, raw]).to_parquet(steps / "ingest" / f"{data.rows}.parquet", index=False)
    own.assign(reasons=[["the target is null"]]).to_parquet(steps / "validate" / "quarantine.parquet", index=False)
    _, first, aside = explained(settings, tmp_path, str(key), 1)

    assert [("the target is null",)] == aside.rows
    assert NOTHING == told(dict(first.rows)[data.target])
    assert _told(before[2:]) == _told(explained(settings, tmp_path, str(key))[2:])


def test_the_newest_row_is_that_of_the_latest_time(root: Path, settings: Settings, tmp_path: Path) -> None:
    """However the rows lie in their tables, the same one is found in all of them."""
    data, key = settings.data, _rows(root, settings, "test_set/test")[settings.data.entity].iloc[0]
    steps = _copied(root, tmp_path)
    for file in (f"ingest/{data.rows}", f"validate/{data.rows}", "test_set/test") if data.event_time else ():
        pd.read_parquet(steps / f"{file}.parquet")[::-1].to_parquet(steps / f"{file}.parquet", index=False)

    assert _told(explained(settings, root, str(key))) == _told(explained(settings, tmp_path, str(key)))


def test_what_is_not_there_is_one_sentence(root: Path, settings: Settings) -> None:
    """An unknown key, and a row that the entity has not got."""
    data, key = settings.data, str(_rows(root, settings, "test_set/test")[settings.data.entity].iloc[0])
    with pytest.raises(Refusal, match=rf"'{data.rows}' has {data.entity} = 'nobody'; there are \d+ keys, such as "):
        explained(settings, root, "nobody")
    for number in (0, 10_000):
        with pytest.raises(Refusal, match=r"has \d+ rows; give --row a number from 1 to \d+"):
            explained(settings, root, key, number)


def test_steps_of_different_runs_explain_nothing(root: Path, settings: Settings, tmp_path: Path) -> None:
    """A step that ran on other rows, or for another split, or has not run."""
    other = settings.model_copy(update={"split": settings.split.model_copy(update={"test_share": 0.31})})
    with pytest.raises(Refusal, match="step validate has not run on what there is now; run it with `make run`"):
        explained(other, root, "1")
    for step in ("ingest", "validate"):
        shutil.copytree(root / "artifacts" / step, tmp_path / "artifacts" / step)
    with pytest.raises(Refusal, match="step materialize has not run"):
        explained(settings, tmp_path, "1")
    manifest = tmp_path / "artifacts" / "ingest" / "manifest.json"
    found = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(found | {"files": {}}), encoding="utf-8")
    with pytest.raises(Refusal, match="step validate has not run"):
        explained(settings, tmp_path, "1")


def test_the_command_shows_it(root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As plain columns where it is no terminal that reads."""
    monkeypatch.chdir(root)
    key = str(_rows(root, settings, "test_set/test")[settings.data.entity].iloc[0])
    done = CliRunner().invoke(app, ["explain", key, "--row", "1"])

    assert 0 == done.exit_code
    places = [done.stdout.index(title) for title in ("as ingested", "validated", "features", "encoded", "truth", "what moved")]
    assert sorted(places) == places
    assert not set(done.stdout) & set("│─\x1b")


def test_values_are_short_and_do_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Long texts are cut, pictures are measured, control characters and markup are text."""
    show([Part("[bold]", ("a", "b"), [("\x1b[31m[red]", None), (b"\x00" * 2000, 0.1 + 0.2)])])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    assert ["[bold]", "a b", "[31m[red] -", "2,000 bytes 0.3", ""] == lines
    assert ("-", "10", f"{'x' * (LONG - 1)}…") == (told(np.nan), told(10.0), told("x" * 100))


def _rows(root: Path, settings: Settings, file: str) -> pd.DataFrame:
    """The rows of the entity that has most in a step's file, the oldest first."""
    rows, data = pd.read_parquet(root / "artifacts" / f"{file}.parquet"), settings.data
    own: pd.DataFrame = rows[rows[data.entity] == rows[data.entity].mode()[0]]
    return own.sort_values(data.event_time, kind="stable") if data.event_time else own


def _copied(root: Path, folder: Path) -> Path:
    """The steps' folders of a copy of the project, to be changed; their manifests stay."""
    (folder / "models").symlink_to(root / "models")
    return Path(shutil.copytree(root / "artifacts", folder / "artifacts"))


def _answer(predictor: Predictor, row: pd.DataFrame, settings: Settings) -> dict[str, object]:
    """What is said of a row with the features that it has, whose segment is not known."""
    found = replace(predictor, views=()).answer(row.drop(columns=settings.data.segment or []), NOW)
    return {str(name): value for name, value in found.iloc[0].items()}


def _by_title(parts: list[Part]) -> dict[str, dict[str, object]]:
    """The parts of two columns, as dictionaries."""
    return {part.title: {str(name): value for name, value in part.rows} for part in parts if len(part.head) == 2}


def _told(parts: list[Part]) -> list[list[list[str]]]:
    """What is shown of some parts."""
    return [[[told(value) for value in row] for row in part.rows] for part in parts]
