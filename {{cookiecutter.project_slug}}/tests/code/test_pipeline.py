"""The pipeline: order from declared needs, freshness from content, nothing half-done taken for done."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.digests import changed
from {{ cookiecutter.package_name }}.model.persistence import file_of
from {{ cookiecutter.package_name }}.pipeline import freshness, ingest
from {{ cookiecutter.package_name }}.pipeline.freshness import artifacts, imported, is_fresh, read_manifest
from {{ cookiecutter.package_name }}.pipeline.runner import StepError, run_step
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS, Step, mermaid, ordered
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.settings import Settings
from {{ cookiecutter.package_name }}.tables import Table

HOME = Path(__file__).parents[2]
BY_NAME = {step.name: step for step in STEPS}


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the run project, to change."""
    shutil.copytree(root, tmp_path / "project", symlinks=True)
    return tmp_path / "project"


def test_order_comes_from_the_needs() -> None:
    """However the steps are listed."""
    steps = (Step("c", needs=("b",)), Step("b", needs=("a",)), Step("a"))

    assert [step.name for step in ordered(steps)] == ["a", "b", "c"]


def test_a_circle_is_refused_and_shown() -> None:
    """The sentence walks round it."""
    with pytest.raises(Refusal, match=r"in a circle: (a → b → a|b → a → b);"):
        ordered((Step("a", needs=("b",)), Step("b", needs=("a",))))


def test_an_undeclared_need_is_refused() -> None:
    """The sentence names the step and what it needs."""
    with pytest.raises(Refusal, match="step a needs 'z', which is not declared; the steps are a"):
        ordered((Step("a", needs=("z",)),))


def test_readme_shows_the_dag() -> None:
    """The picture in the README is the one that `dag` prints."""
    assert mermaid(STEPS) in (HOME / "README.md").read_text(encoding="utf-8")


def test_a_finished_run_has_nothing_to_do(copy: Path, settings: Settings) -> None:
    """Not even when every file was touched."""
    for path in (copy / "artifacts").rglob("*"):
        os.utime(path)

    assert [run_step(step, settings, copy) for step in STEPS] == [False] * len(STEPS)


@pytest.mark.parametrize(
    ("section", "first"),
    [("gate", "promote"), ("cascade", "fit"), ("encoders", "fit"), ("split", "validate"), ("seed", "ingest")],
)
def test_a_setting_runs_the_steps_that_read_it(copy: Path, settings: Settings, section: str, first: str) -> None:
    """And no step that reads it not; what follows runs if its inputs came out differently."""
    change = {
        "gate": {"min_gain": 0.001},
        "cascade": {"router": "gradient_boosting"},
        "encoders": {"rare_category": 6},
        "split": {"test_share": 0.21},
    }
    value = settings.seed + 1 if section == "seed" else getattr(settings, section).model_copy(update=change[section])
    other = settings.model_copy(update={section: value})

    stale = [step.name for step in STEPS if not is_fresh(step, other, copy)]

    assert stale[0] == first
    assert [name for name in stale if section in BY_NAME[name].settings] == stale


def test_an_altered_artifact_is_found(copy: Path, settings: Settings) -> None:
    """One byte more, and the step that wrote it runs again; `verify` asks the same question."""
    part = artifacts(copy) / "materialize" / "catalog.json"
    part.write_bytes(part.read_bytes() + b"!")
    manifest = read_manifest(part.parent)

    assert manifest is not None
    assert changed(manifest["files"], part.parent) == ["catalog.json"]
    assert not is_fresh(BY_NAME["materialize"], settings, copy)


def test_an_edited_module_runs_its_importers(monkeypatch: pytest.MonkeyPatch, copy: Path, settings: Settings) -> None:
    """An encoder belongs to `fit`, though only the name of its file is known to it; a comment belongs to nobody."""
    parsed = freshness._parsed

    def edited(path: Path) -> tuple[str, frozenset[str], frozenset[str]]:
        digest, own, libraries = parsed(path)
        return ("edited" if path.name == "tabular.py" else digest), own, libraries

    monkeypatch.setattr(freshness, "_parsed", edited)

    assert [step.name for step in STEPS if not is_fresh(step, settings, copy)] == ["fit"]


def test_a_comment_changes_nothing(tmp_path: Path) -> None:
    """Neither does a blank line; an operator does."""
    texts = {"a": "x = 1 + y\n", "b": "# why\n\nx = 1 + y  # so\n", "c": "x = 1 - y\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    a, b, c = (freshness._parsed(tmp_path / f"{name}.py")[0] for name in texts)

    assert a == b
    assert a != c


def test_no_step_imports_another() -> None:
    """An edit of one step is not an edit of the next."""
    folder = freshness.PACKAGE / "pipeline"
    files = {step.name: folder / f"{step.name}.py" for step in STEPS}

    others = {name: imported(file) & set(files.values()) - {file} for name, file in files.items()}

    assert all(not imports for imports in others.values()), others


def test_a_step_needs_only_what_it_declares(root: Path, tmp_path: Path, settings: Settings) -> None:
    """Each runs in a folder that holds its declared inputs alone; same data and seed, and the metrics come out the same."""
    done = tmp_path / "done"
    for step in ordered(STEPS):
        bare = tmp_path / step.name
        bare.mkdir()
        for path in root.iterdir():
            if path.is_symlink() and step.outside:
                (bare / path.name).symlink_to(path.resolve())
        for need in step.needs:
            shutil.copytree(done / need, artifacts(bare) / need)

        assert run_step(step, settings, bare)
        shutil.copytree(artifacts(bare) / step.name, done / step.name)

    metrics = "evaluate/metrics.json"
    assert (artifacts(root) / metrics).read_text(encoding="utf-8") == (done / metrics).read_text(encoding="utf-8")


def test_a_missing_input_is_one_sentence(tmp_path: Path, settings: Settings) -> None:
    """It names both steps."""
    with pytest.raises(StepError, match="step fit needs what step training_set writes; run that one first"):
        run_step(BY_NAME["fit"], settings, tmp_path)


@pytest.mark.parametrize("lost", ["", "VERSION", "VERSION/card.json", "VERSION/PIPELINE"])
def test_a_deleted_model_is_made_again(copy: Path, settings: Settings, lost: str) -> None:
    """What a step wrote outside its folder belongs to its result; whatever part is lost, the model answers again."""
    promoted = registry.current(copy / "models")
    assert promoted is not None
    saved_as = settings.model.saved_as
    file = file_of(Path(), "pipeline", saved_as).name
    path = copy / "models" / lost.replace("VERSION", promoted["version"]).replace("PIPELINE", file)
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    assert run_step(BY_NAME["promote"], settings, copy)
    assert registry.load(copy / "models", saved_as=saved_as).card.version == promoted["version"]


def test_a_source_that_is_gone_is_told_by_its_step(copy: Path, settings: Settings) -> None:
    """To ask whether the step is fresh fails for the same reason; the sentence is the step's, and what it wrote stays."""
    gone = settings.model_copy(update={"tables": dict.fromkeys(settings.tables, Table(path="data/gone.csv"))})
    first = STEPS[0]

    assert not is_fresh(first, gone, copy)
    with pytest.raises(StepError, match=r"step ingest failed: .*gone\.csv"):
        run_step(first, gone, copy)
    assert is_fresh(first, settings, copy)


def test_a_failed_step_is_named_and_costs_nothing(monkeypatch: pytest.MonkeyPatch, copy: Path, settings: Settings) -> None:
    """The sentence holds the step, the cause and the log; what it wrote before stays, the next run resumes there."""
    before = read_manifest(artifacts(copy) / "evaluate")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no memory left")

    monkeypatch.setattr("{{ cookiecutter.package_name }}.pipeline.evaluate.run", broken)
    with pytest.raises(StepError, match=r"step evaluate failed: RuntimeError: no memory left; log: .*evaluate\.log") as refused:
        run_step(BY_NAME["evaluate"], settings, copy, force=True)

    assert "no memory left" in Path(str(refused.value).split("log: ")[1]).read_text(encoding="utf-8")
    assert before == read_manifest(artifacts(copy) / "evaluate")
    assert not list(artifacts(copy).glob(".evaluate.*[0-9]"))


def test_a_log_that_cannot_be_kept_hides_nothing(monkeypatch: pytest.MonkeyPatch, copy: Path, settings: Settings) -> None:
    """As on a full disk: the sentence still holds the step and the cause."""

    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("{{ cookiecutter.package_name }}.pipeline.report.run", broken)
    (artifacts(copy) / "logs").write_bytes(b"")
    said = r"step report failed: OSError: .*No space left on device; its log cannot be written \(File exists\)"
    with pytest.raises(StepError, match=said):
        run_step(BY_NAME["report"], settings, copy, force=True)


def test_a_note_that_cannot_be_kept_fails_the_step_by_name(copy: Path, settings: Settings) -> None:
    """As where the disk is full just when a step has finished: no traceback, and what it wrote is taken for done."""
    note = artifacts(copy) / ".evaluate.asked"
    note.unlink()
    note.symlink_to("nowhere/to_be_written")
    with pytest.raises(StepError, match=r"step evaluate failed: FileNotFoundError: .*; where it had finished, the next"):
        run_step(BY_NAME["evaluate"], settings, copy, force=True)

    assert is_fresh(BY_NAME["evaluate"], settings, copy)


def test_a_killed_step_runs_again(copy: Path) -> None:
    """`kill -9` in the middle leaves no folder that could be taken for a finished one, and the next run sweeps its rest."""
    shutil.rmtree(artifacts(copy) / "fit")
    half = artifacts(copy)
    command = [sys.executable, "-m", "{{ cookiecutter.package_name }}", "step", "ingest", "--force"]
    process = subprocess.Popen(command, cwd=copy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not [path for path in half.glob(".ingest.*") if path.is_dir()] and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = [path for path in half.glob(".ingest.*") if path.is_dir()]

    assert left
    assert process.returncode == -signal.SIGKILL
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    assert [path for path in half.glob(".ingest.*") if path.is_dir()] == []


def test_what_comes_in_while_a_step_runs_was_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    """A file that lands after the step listed its files runs it again."""
    step = BY_NAME["ingest"]
    own = settings.model_copy(update={"tables": {"rows": Table(path="raw")}})
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.csv").write_text("x\n1\n", encoding="utf-8")
    read = ingest.run

    def slow(**given: Any) -> list[Path]:
        found = read(**given)
        (tmp_path / "raw" / "b.csv").write_text("x\n2\n", encoding="utf-8")
        return found

    monkeypatch.setattr(ingest, "run", slow)
    run_step(step, own, tmp_path)

    assert not is_fresh(step, own, tmp_path)
