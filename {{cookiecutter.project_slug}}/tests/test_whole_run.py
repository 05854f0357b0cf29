"""The whole run, as the owner starts it: commands in, files and words out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.cli import main
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS
from {{ cookiecutter.package_name }}.settings import Settings

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]
HEAVY = ("duckdb", "pandas", "sklearn")


def test_every_step_left_its_folder(root: Path) -> None:
    """With a manifest, and no rest of an unfinished one."""
    folders = {path.name for path in (root / "artifacts").iterdir() if path.is_dir()}

    assert folders == {step.name for step in STEPS}
    assert all((root / "artifacts" / name / "manifest.json").is_file() for name in folders)


def test_the_promoted_model_beats_the_dummy(root: Path, settings: Settings) -> None:
    """On rows that no model was fitted to."""
    decision = json.loads((root / "artifacts" / "promote" / "decision.json").read_text(encoding="utf-8"))

    (best,) = (row for row in decision["candidates"] if row["name"] == decision["best"])
    assert best["gain_low"] > settings.gate.min_gain
    assert decision["promoted"]


def test_predict_prints_an_answer(root: Path, command: Command) -> None:
    """Without a row it answers an example."""
    answer = json.loads(command(root, "predict").stdout)

    assert {"prediction", "probability", "route", "model"} <= answer.keys()


def test_score_answers_a_file(root: Path, settings: Settings, command: Command) -> None:
    """Every row of it."""
    source = root / "artifacts" / "ingest" / f"{settings.data.rows}.parquet"

    said = command(root, "score", str(source), "answers.csv").stdout

    count = len((root / "answers.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert f"rows answered: {count}; answers: answers.csv" in said


@pytest.mark.parametrize("words", ["models list", "features list", "card", "dictionary", "dag", "verify", "--help"])
def test_a_command_tells_something(root: Path, words: str, command: Command) -> None:
    """And leaves with 0; what stands in brackets is taken for a style by rich, and would leave an empty pair of quotes."""
    done = command(root, *words.split())

    assert "``" not in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["step", "nonsense"], "error: there is no step 'nonsense'; the steps are ingest, validate"),
        (["predict", "{"], "error: the request is not JSON"),
        (["score", "none.csv", "out.csv"], "error: there is no file 'none.csv'"),
        (["models", "promote", "none"], "error: there is no model 'none'"),
        (["models", "rollback"], "error: no earlier model was promoted"),
    ],
)
def test_a_refused_command_is_one_sentence(root: Path, words: list[str], sentence: str, command: Command) -> None:
    """On stderr, with exit code 1."""
    done = command(root, *words)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert done.stderr.startswith(sentence)


def test_outside_the_project_it_says_where_to_go(tmp_path: Path) -> None:
    """Instead of a traceback; in a process of its own, as every other test of this file could be."""
    words = [sys.executable, "-m", "{{ cookiecutter.package_name }}", "run"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "there is no settings.toml in" in done.stderr
    assert "type this in the project's folder" in done.stderr


def test_nothing_to_do_costs_no_library(root: Path) -> None:
    """Asking whether a step is fresh imports neither pandas nor scikit-learn nor DuckDB."""
    package = "{{ cookiecutter.package_name }}"
    code = (
        f"import sys; from pathlib import Path; from {package}.pipeline import engine;"
        f"from {package}.pipeline.freshness import is_fresh;"
        f"from {package}.pipeline.steps import STEPS; from {package}.settings import read_settings;"
        f"import {package}.cli; settings = read_settings(Path('settings.toml'));"
        "[is_fresh(step, settings, Path.cwd()) for step in STEPS]; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert [name for name in HEAVY if name in done.stdout.split()] == []


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line, in this process, where the libraries are imported already."""

    def run(folder: Path, *words: str) -> Done:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["{{ cookiecutter.project_slug }}", *words])
        with pytest.raises(SystemExit) as left:
            main()
        sentence = f"{left.value.code}\n" if isinstance(left.value.code, str) else ""  # as Python prints it, and leaves with 1
        code = 1 if sentence else int(left.value.code or 0)
        printed = capsys.readouterr()
        return Done(words, code, printed.out, printed.err + sentence)

    return run
