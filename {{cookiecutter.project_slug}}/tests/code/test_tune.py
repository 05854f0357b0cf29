"""The parameter search: on training rows alone, within its bounds, unharmed by a kill, and written where `fit` reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomlkit

from {{ cookiecutter.package_name }}.knobs import Tune
from {{ cookiecutter.package_name }}.pipeline.fit import trained
from {{ cookiecutter.package_name }}.pipeline.runner import run_step
from {{ cookiecutter.package_name }}.pipeline.search_space import Space
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS, needed
from {{ cookiecutter.package_name }}.pipeline.tune import Search, folds, tuned
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.sections import Columns
from {{ cookiecutter.package_name }}.settings import Settings, SettingsError, read_settings
from {{ cookiecutter.package_name }}.tables import Table

RANGE = {"model.regularization": {"low": 0.01, "high": 10.0, "log": True}}
SETTINGS = """
seed = 1

[tables]
visits = { path = "visits.csv" }

[data]
rows = "visits"
task = "classification"
entity = "user_id"
target = "bought"

[columns]
numbers = ["pages"]

[split]
by = "user_id"
test_share = 0.2

[encoders] # a comment
weights = { numbers = 1.0, text = 1.0 }    # that stays
[model]
kind = "single"
# Another one.
regularization = 1.0 # why
threads =  1

[gate]
metric = "log_loss"
[encoders.columns]

[tune.space]
"""


@pytest.fixture(scope="module")
def trained_on(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> tuple[Settings, Path]:
    """A project with few rows and quick columns, in which the steps up to the training set ran, and no other."""
    quick = {name: names for name, names in settings.columns.by_modality().items() if name not in ("text", "image")}
    columns = Columns(**quick) if quick else settings.columns
    kinds = {name: kind for name, kind in settings.encoders.columns.items() if name in columns.names}
    tables = {name: Table(demo=300) if table.demo else table for name, table in settings.tables.items()}
    own = settings.model_copy(
        update={
            "tables": tables,
            "columns": columns,
            "encoders": settings.encoders.model_copy(update={"columns": kinds, "fusion": "weighted"}),
            "model": settings.model.model_copy(update={"kind": "single", "estimator": "linear", "regularization": 1.0}),
        }
    )
    root = tmp_path_factory.mktemp("quick")
    for path in Path(__file__).parents[2].iterdir():
        if path.name not in ("artifacts", "feature_store", "models", "settings.toml") and not path.name.startswith("."):
            (root / path.name).symlink_to(path)
    for step in needed(STEPS, "training_set"):
        run_step(step, own, root)
    return own, root


@pytest.fixture
def project(trained_on: tuple[Settings, Path], tmp_path: Path) -> Path:
    """A copy of it, in which six points of one range are to be tried on two folds."""
    settings, root = trained_on
    return write(shutil.copytree(root, tmp_path / "project", symlinks=True), settings, RANGE)


def test_each_trial_keeps_to_its_rows(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoder and model learn from one part of the training rows and are judged on others, of others; no other file is read."""
    (project / "artifacts" / "test_set").mkdir()
    (project / "artifacts" / "test_set" / "test.parquet").write_bytes(b"whoever reads this fails")
    files, learned, judged = [], [], []
    read = pd.read_parquet

    def reads(path: Path) -> pd.DataFrame:
        files.append(path.relative_to(project / "artifacts").as_posix())
        return read(path)

    def listens(settings: Settings, root: Path, rows: pd.DataFrame, unfitted: Any) -> Any:
        encode, models = trained(settings, root, rows, unfitted)
        transform = encode.transform

        def transforms(frame: pd.DataFrame) -> Any:
            learned.append(set(rows.index))
            judged.append(set(frame.index))
            return transform(frame)

        monkeypatch.setattr(encode, "transform", transforms)
        return encode, models

    monkeypatch.setattr(pd, "read_parquet", reads)
    monkeypatch.setattr("{{ cookiecutter.package_name }}.pipeline.tune.trained", listens)
    search(write(project, read_settings(project / "settings.toml"), RANGE, trials=2))

    rows = read(project / "artifacts" / "training_set" / "train.parquet")
    by = rows[read_settings(project / "settings.toml").split.by]
    assert files == ["training_set/train.parquet"]
    assert len(learned) == len(judged) == 2 * 2
    assert all(set(by[sorted(one)]).isdisjoint(by[sorted(other)]) for one, other in zip(learned, judged, strict=True))
    assert judged[0] | judged[1] == set(rows.index)


def test_a_killed_search_goes_on(trained_on: tuple[Settings, Path], project: Path, tmp_path: Path, easy: None) -> None:
    """After `kill -9` the finished trials count, the one that was cut short does not, and all is as if nothing had been."""
    settings, root = trained_on
    whole = write(shutil.copytree(root, tmp_path / "whole", symlinks=True), settings, RANGE)
    search(whole)
    package = "{{ cookiecutter.package_name }}"
    code = (
        f"import sys, time; from {package}.cli import main; from {package}.pipeline.tune import Search;"
        "score = lambda point: abs(point['model.regularization'] - 0.5) ** 2;"
        "Search._score = lambda self, point, *rows: score(point) if len(self.trials) < 2 else time.sleep(60);"
        "sys.argv = ['', 'tune']; main()"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=project, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(2)]
        running.kill()

    assert [line.partition(": ")[0] for line in said] == ["trial 1 of 6", "trial 2 of 6"]
    assert kept(project) == kept(whole)[:2]
    search(project)
    assert kept(project) == kept(whole)
    assert (project / "settings.toml").read_bytes() == (whole / "settings.toml").read_bytes()


def test_the_best_is_where_fit_reads_it(project: Path, easy: None) -> None:
    """The first point is what settings.toml says; what is better is written there, and is the first point of another search."""
    said = search(project)
    [(first, _), *_] = trials = kept(project)
    best = min(trials, key=lambda trial: trial[1])[0]["model.regularization"]

    assert first == {"model.regularization": 1.0}
    assert read_settings(project / "settings.toml").model.regularization == best != 1.0
    assert said[-2:] == [f"settings.toml: model.regularization = {best}, before 1.0", "next: make run"]
    assert "it stays as it is" in search(project)[-1]
    assert kept(project) == trials


def test_up_is_what_the_metric_says(project: Path, trained_on: tuple[Settings, Path], easy: None) -> None:
    """By a metric of which more is better, the highest score is the best."""
    settings = trained_on[0]
    write(project, settings, RANGE, metric="r2" if settings.data.task == "regression" else "accuracy")
    search(project)

    best = max(kept(project), key=lambda trial: trial[1])[0]["model.regularization"]
    assert read_settings(project / "settings.toml").model.regularization == best


def test_nothing_better_changes_nothing(project: Path, trained_on: tuple[Settings, Path], easy: None) -> None:
    """Also where settings.toml says what lies outside the space."""
    write(project, trained_on[0], {"model.regularization": {"low": 2.0, "high": 5.0}})
    before = (project / "settings.toml").read_bytes()

    assert "0.2500 with what settings.toml says, and no better elsewhere" in search(project)[-1]
    assert len(kept(project)) == 6
    assert (project / "settings.toml").read_bytes() == before


def test_no_point_is_tried_twice(project: Path, trained_on: tuple[Settings, Path], easy: None) -> None:
    """Where all points were tried, the search is at its end, however many trials are left."""
    write(project, trained_on[0], {"encoders.numbers": ["standard", "robust", ["standard", "robust"]]}, trials=20)
    search(project)

    points = [json.dumps(point["encoders.numbers"]) for point, _ in kept(project)]
    assert sorted(points) == ['"robust"', '"standard"', '["standard", "robust"]']


def test_numbers_are_as_one_would_type_them(project: Path, trained_on: tuple[Settings, Path], easy: None) -> None:
    """Whole where the setting is, else of four digits, and never beyond an end."""
    search(write(project, trained_on[0], {"model.boosting_rounds": {"low": 1, "high": 100}}))
    assert all(isinstance(point["model.boosting_rounds"], int) for point, _ in kept(project))

    write(project, trained_on[0], {"model.regularization": {"low": 0.12344, "high": 2.0}})
    sought = Space(read_settings(project / "settings.toml"))
    drawn = [sought.rounded({"model.regularization": value}) for value in (0.1234401, 1.23456, 2.0)]
    assert [point["model.regularization"] for point in drawn] == [0.12344, 1.235, 2.0]


def test_trials_count_where_they_can_be_compared(project: Path, trained_on: tuple[Settings, Path], easy: None) -> None:
    """Also in a space of other bounds; by another metric, on other folds or of another model they begin anew."""
    settings = trained_on[0]
    search(write(project, settings, RANGE, trials=3))
    first = kept(project)
    search(write(project, settings, {"model.regularization": {"low": 1.0, "high": 2.0}}, trials=5))
    assert kept(project)[:3] == first
    assert len(kept(project)) == 5

    search(write(project, settings, RANGE, metric="mae" if settings.data.task == "regression" else "accuracy"))
    search(write(project, settings, RANGE, folds=3))
    rounds = settings.model.model_copy(update={"boosting_rounds": settings.model.boosting_rounds + 1})
    search(write(project, settings.model_copy(update={"model": rounds}), RANGE))
    assert len(list((project / "artifacts" / "tune").glob("*.json"))) == 4


def test_the_time_is_kept(project: Path, trained_on: tuple[Settings, Path], easy: None) -> None:
    """A trial that is not done when the time is up does not count, and the next search goes on with it."""
    write(project, trained_on[0], RANGE, minutes=1.0)
    ticks = (15.0 * tick for tick in count())  # at the beginning, then before each fold: a minute is over in the second trial

    assert search(project, ticks)[1].startswith("the time is up after 1 of 6 trials")
    assert len(kept(project)) == 1
    assert len(search(project)) > 5


def test_too_little_time_is_told(project: Path, trained_on: tuple[Settings, Path]) -> None:
    """What stands in settings.toml is not judged by nothing."""
    write(project, trained_on[0], RANGE, minutes=0.001)

    with pytest.raises(Refusal, match=r"not one trial was done within tune\.minutes = 0\.001; raise it"):
        search(project, (float(tick) for tick in count()))


def test_an_edit_meanwhile_stays(project: Path, easy: None) -> None:
    """Another setting, a comment: the best is written beside it. The value that is sought: nothing is written."""
    path = project / "settings.toml"
    settings = read_settings(path)
    running = tuned(settings, project)
    next(running)
    path.write_text("# mine\n" + path.read_text(encoding="utf-8").replace("minutes = 10.0", "minutes = 9.0"), encoding="utf-8")
    list(running)
    assert path.read_text(encoding="utf-8").startswith("# mine\n")
    assert read_settings(path).tune.minutes == 9.0
    best = read_settings(path).model.regularization

    shutil.rmtree(project / "artifacts" / "tune")
    with pytest.raises(SettingsError, match=f"model.regularization was 1.0 when the search began and is {best} now"):
        list(tuned(settings, project))


def test_what_cannot_be_trained_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence, whatever the library says; so are rows that cannot be divided."""
    monkeypatch.setattr("{{ cookiecutter.package_name }}.pipeline.tune.trained", lambda *all_: 1 / 0)
    with pytest.raises(Refusal, match=r"training with model.regularization = 1.0 failed: ZeroDivisionError: .* take that out"):
        search(project)

    settings = read_settings(project / "settings.toml")
    with pytest.raises(Refusal, match=f"all training rows have one value of split.by = '{settings.split.by}'"):
        folds(pd.DataFrame({settings.split.by: [1, 1], settings.data.target: [0, 1]}), settings)


def test_a_stale_training_set_is_refused(project: Path) -> None:
    """Values are not chosen by rows that the pipeline would not train on."""
    (project / "artifacts" / "training_set" / "train.parquet").write_bytes(b"other rows")

    with pytest.raises(Refusal, match="for step training_set would run again; type `make run` first"):
        search(project)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_values_change_in_the_file(tmp_path: Path, end: str) -> None:
    """Comments, blanks, line ends and the order of tables stay."""
    space = """
"model.regularization" = [1.0, 0.25]
"encoders.weights.text" = { low = 0.1, high = 1 }
"encoders.categories" = ["one_hot", "target"]
"""
    path = tmp_path / "settings.toml"
    path.write_bytes((SETTINGS + space).replace("\n", end).encode())
    point = {"model.regularization": 0.25, "encoders.weights.text": 0.5, "encoders.categories": "one_hot"}
    Space(read_settings(path)).write(point, path)

    expected = SETTINGS.replace("regularization = 1.0", "regularization = 0.25").replace("text = 1.0", "text = 0.5") + space
    assert path.read_bytes().decode() == expected.replace("\n", end)
    assert [path] == list(tmp_path.iterdir())


def test_a_value_that_did_not_stand_there_is_added(tmp_path: Path) -> None:
    """To its table, or with it."""
    space = '"encoders.numbers" = ["standard", ["standard", "splines"]]\n"cascade.routing" = ["soft", "hard"]\n'
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS + space, encoding="utf-8")
    Space(read_settings(path)).write({"encoders.numbers": ["standard", "splines"], "cascade.routing": "hard"}, path)

    expected = SETTINGS.replace("# that stays\n", '# that stays\nnumbers = ["standard", "splines"]\n')
    assert path.read_text(encoding="utf-8") == expected + space + '\n[cascade]\nrouting = "hard"\n'


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        ("", "tune.space is empty, so there is nothing to seek; list a setting there"),
        ("seed = [1, 2]", "names 'seed', expected a setting of encoders, model, cascade"),
        ('"data.target" = ["a"]', "names 'data.target', expected a setting of encoders, model, cascade"),
        ('"model.regularisation" = [1.0]', "instead of 'regularisation' there is kind, estimator, boosting_rounds"),
        ('"model.kind.name" = ["a"]', "names 'model.kind.name', expected a setting of encoders, model, cascade; mend it"),
        ('"model.regularization" = { low = -1, high = 1 }', "model.regularization is -1, expected greater than 0; change it"),
        ('"model.boosting_rounds" = { low = 1, high = 9.5 }', "model.boosting_rounds is 9.5, expected a valid integer"),
        ('"cascade.routing" = ["soft", "firm"]', "cascade.routing is 'firm', expected 'soft' or 'hard'; change it"),
        ('"encoders.numbers" = ["standard", "none"]', "'none' is no kind of encoder for numbers, expected one of standard"),
        ('"model.kind" = ["single", "forest"]', "model.kind is 'forest', expected one of single, cascade"),
        ('"model.regularization" = { low = 1 }', "tune.space.model.regularization: expected a list of values, or { low = "),
        ('"model.regularization" = { low = 2, high = 1 }', "with low below high, and above 0 if log = true; mend it"),
        ('"model.regularization" = { low = 0, high = 1, log = true }', "above 0 if log = true; mend it"),
        ('"model.regularization" = { low = 1, high = inf }', "with low below high"),
        ('"model.regularization" = { low = "a", high = "b" }', "with low below high"),
        ('"model.regularization" = { low = 1, high = 2, values = [3] }', "expected a list of values, or { low"),
        ('"model.regularization" = { lowest = 1 }', "lowest is no known setting; known here are low, high, log, values"),
        ('"model.regularization" = 1', "tune.space.model.regularization is 1, expected"),
    ],
)
def test_a_space_that_is_none_is_one_sentence(tmp_path: Path, space: str, sentence: str) -> None:
    """It names the setting and says what was expected, before anything is trained."""
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS + space, encoding="utf-8")

    with pytest.raises(Refusal) as refused:
        Space(read_settings(path))

    assert sentence in str(refused.value)
    assert "settings.toml: " in str(refused.value) or "in settings.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.fixture
def easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained: a point's score is how far its number lies from 0.5, and what is not a number scores as 1 does."""

    def score(_: Search, point: dict[str, Any], *rows: object) -> float:
        [value] = point.values()
        return abs(value - 0.5) ** 2 if isinstance(value, float) else 0.25

    monkeypatch.setattr(Search, "_score", score)


def write(folder: Path, settings: Settings, space: Any, metric: str = "", **bounds: Any) -> Path:
    """Put a search into a project's settings.toml."""
    sought = Tune.model_validate({"trials": 6, "folds": 2, "space": space} | bounds)
    gate = settings.gate.model_copy(update={"metric": metric or settings.gate.metric})
    told = settings.model_copy(update={"tune": sought, "gate": gate}).model_dump(mode="json", exclude_none=True)
    (folder / "settings.toml").write_text(tomlkit.dumps(told), encoding="utf-8")
    return folder


def search(folder: Path, clock: Iterator[float] | None = None) -> list[str]:
    """What a search in a project says."""
    settings = read_settings(folder / "settings.toml")
    return [line for _, line in (tuned(settings, folder, clock.__next__) if clock else tuned(settings, folder))]


def kept(folder: Path) -> list[Any]:
    """The trials that a project holds."""
    [path] = (folder / "artifacts" / "tune").glob("*.json")
    trials: list[Any] = json.loads(path.read_text(encoding="utf-8"))
    return trials
