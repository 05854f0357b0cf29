"""One pipeline, four engines: whichever orders the steps, the same ones run, and nothing half-done is ever taken for done."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from commands import commit
from project import Project
from runs import LOOPBACK, SECONDS, STEPS, UNSHARE, Run, alive, called, environment, halves, run
from variants import SUPPORTED


@contextmanager
def edited(path: Path, before: str, after: str) -> Iterator[None]:
    """A file with other words, until the block ends."""
    text = path.read_text(encoding="utf-8")
    assert 1 == text.count(before)
    path.write_text(text.replace(before, after), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module", params=SUPPORTED["orchestrator"])
def project(request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A small project whose raw tables are files; its first run was done with the network refused."""
    answers = {"orchestrator": request.param, "modalities": "tabular", "model": "single", "serving": "batch"}
    made = Project.render("copier", template, answers, tmp_path_factory.mktemp("engine"))
    made.edit_settings((r"demo = \d+", "demo = 1600"), (r"boosting_rounds = \d+", "boosting_rounds = 10"))
    made.with_libraries(sys.executable, "-m", made.package, "step", "ingest")
    (made.folder / "data").mkdir()
    for name in ("requests", "activity"):
        rows = pd.read_parquet(made.folder / "artifacts" / "ingest" / f"{name}.parquet")
        rows.to_csv(made.folder / "data" / f"{name}.csv", index=False)
        made.edit_settings((rf"^{name} = .*$", f'{name} = {{ path = "data/{name}.csv" }}'))
    shutil.rmtree(made.folder / "artifacts")
    commit(made.folder)
    first = run(made, *UNSHARE, "--net")

    assert (0, set(STEPS)) == (first.status, first.worked), first.said
    assert set() == called(made) - LOOPBACK
    assert [f"{step}: done in" in first.said for step in STEPS] == [True] * len(STEPS), first.said
    return made


Change = Callable[[Project], object]


def source(project: Project, name: str) -> Path:
    """A file of the project's package."""
    return project.folder / "src" / project.package / name


def touch(project: Project) -> None:
    """Make every file look new."""
    for path in project.folder.rglob("*"):
        if ".git" not in path.parts:
            os.utime(path)


def alter(path: Path, more: bytes) -> None:
    """Add to a file."""
    path.write_bytes(path.read_bytes() + more)


def comment(project: Project) -> None:
    """Add a remark to every module."""
    for path in project.folder.glob("src/**/*.py"):
        alter(path, b"\n# a remark\n")


def another_row(project: Project) -> None:
    """Change one byte of the raw rows: the last digit of the last hour."""
    path = project.folder / "data" / "activity.csv"
    text = path.read_text(encoding="utf-8").rstrip("\n")
    last = text[-1]
    path.write_text(text[:-1] + ("1" if last != "1" else "2") + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "must", "may"),
    [
        (lambda own: None, set(), set()),
        (touch, set(), set()),
        (comment, set(), set()),
        (lambda own: own.edit_settings(("min_gain = 0.0", "min_gain = 0.001")), {"promote"}, {"report"}),
        (lambda own: alter(source(own, "pipeline/training_set.py"), b"\nEDITED = 1\n"), {"training_set"}, set()),
        (lambda own: alter(source(own, "encoders/volume.py"), b"\nEDITED = 1\n"), {"fit"}, {"evaluate", "promote", "report"}),
        (lambda own: alter(own.folder / "artifacts" / "materialize" / "catalog.json", b"!"), {"materialize"}, {*STEPS[3:]}),
        (lambda own: shutil.rmtree(own.folder / "artifacts" / "materialize"), {"materialize"}, {*STEPS[3:]}),
        (lambda own: shutil.rmtree(own.folder / "models"), {"promote"}, {"report"}),
        (another_row, {"ingest", "validate", "materialize"}, {*STEPS[3:]}),
    ],
    ids=["nothing", "touch", "comment", "setting", "code", "module", "tampered", "deleted", "model", "byte"],
)
def test_what_changed_runs_and_nothing_else(project: Project, change: Change, must: set[str], may: set[str]) -> None:
    """Whatever the engine remembers: the steps' manifests decide, and afterwards nothing is left to do."""
    change(project)
    done, again = run(project), run(project)

    assert 0 == done.status, done.said
    assert must <= done.worked <= must | may, done.said
    assert (0, set()) == (again.status, again.worked), again.said
    assert [f"{step}: unchanged" in again.said for step in STEPS] == [True] * len(STEPS), again.said


@pytest.mark.slow
def test_a_step_that_fails_is_named_and_stops_the_rest(project: Project) -> None:
    """With its cause and its log; later steps do not run, earlier results stay, and the next run goes on there."""
    path = source(project, "pipeline/evaluate.py")
    alter(source(project, "pipeline/promote.py"), b"\nEDITED = 2\n")
    broken = "def run(**given: object) -> None:\n    raise RuntimeError('no memory left')\n\n\ndef whole("
    with edited(path, "\ndef run(", f"\n{broken}"):
        failed = run(project)
    after = run(project)

    assert 0 != failed.status
    named = r"error: step evaluate failed: RuntimeError: no memory left; log: \S*evaluate\.log"
    assert re.search(named, failed.said), failed.said
    assert set() == failed.worked & {"evaluate", "promote", "report"}
    assert 0 == after.status, after.said
    assert {"promote"} <= after.worked <= {"evaluate", "promote", "report"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_goes_on(project: Project, number: signal.Signals) -> None:
    """In the middle of a step: nothing half-done counts, no process is left, and the next run ends where no run was stopped."""
    shutil.rmtree(project.folder / "artifacts" / "fit")
    stopped = Run(project).stop(number, "fit")
    left = alive(stopped)
    after, again = run(project), run(project)

    assert 0 != stopped.status, stopped.said
    assert "fit" not in stopped.worked
    assert [] == left
    assert 0 == after.status, after.said
    assert "fit" in after.worked
    assert [] == halves(project)
    assert (0, set()) == (again.status, again.worked), again.said


@pytest.mark.slow
def test_two_runs_at_once_do_not_mix(project: Project) -> None:
    """The second waits, or is refused with a sentence; what is there in the end is whole."""
    shutil.rmtree(project.folder / "artifacts" / "training_set")
    ends = [one.end() for one in (Run(project), Run(project))]
    again = run(project)

    assert 0 in {one.status for one in ends}
    assert all(one.status == 0 or "error: " in one.said for one in ends), [one.said for one in ends]
    assert (0, set()) == (again.status, again.worked), again.said
    assert [] == halves(project)


FULL = """
mount -t tmpfs -o size={size} tmpfs artifacts || exit 9
{command} run && exit 8
ls -A artifacts; find artifacts -name manifest.json
mount -o remount,size=100m artifacts || exit 9
{command} run && {command} verify
"""


@pytest.mark.slow
def test_a_full_disk_is_survived(project: Project, tmp_path: Path) -> None:
    """Where the next byte does not fit the step fails by name; with more room the next run goes on and all is whole."""
    command = f"{sys.executable} -m {project.package}"
    artifacts = project.folder / "artifacts"
    whole = sum(path.stat().st_size for path in artifacts.rglob("*") if path.is_file())
    shutil.move(artifacts, tmp_path)
    artifacts.mkdir()
    script = FULL.format(size=whole // 2, command=command)
    done = subprocess.run(
        [*UNSHARE, "--mount", "sh", "-c", script],
        cwd=project.folder,
        env=environment(project),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    artifacts.rmdir()  # the full one is gone with its processes
    shutil.move(tmp_path / "artifacts", project.folder)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert re.search(r"error: step \w+ failed: \S*Error: .*No space left on device", done.stdout + done.stderr), done.stderr
    assert "every artifact is what its step wrote" in done.stdout


JOB = "dagster job execute --python-file definitions.py --job pipeline"
OWN_WORDS = {
    "doit": {"doit list": "fit", "doit": ""},
    "dvc": {
        "dvc status": r"fit:\n\tchanged deps:",
        "dvc repro": "fit: done",
        "dvc params diff HEAD": "model.boosting_rounds +10 +11",
        "dvc metrics diff HEAD": "single.log_loss",
        "dvc plots diff HEAD": "index.html",
        "dvc remote add --default storage ../remote": "'storage'",
        "dvc push": "files? pushed",
        "rm -r .dvc/cache artifacts": "",
        "dvc pull": "files? fetched",
    },
    "dagster": {"dagster definitions validate": "passed validation", JOB: ""},
    "kubeflow": {"python kubeflow_pipeline.py example.com/next-pick:1": "kubeflow_pipeline.yaml", "next-pick run": "fit: done"},
}


@pytest.mark.slow
def test_an_engines_own_words_work_and_call_nobody(project: Project) -> None:
    """Those of its documentation, typed where nothing can be reached; afterwards there is nothing to do."""
    wanted = OWN_WORDS[project.answers["orchestrator"]]
    run(project)
    commit(project.folder)
    project.edit_settings((r"boosting_rounds = \d+", "boosting_rounds = 11"))
    said = {words: typed(project, *words.split()) for words in wanted}
    after = run(project)

    assert {} == {words: told for words, told in said.items() if not re.search(wanted[words], told)}
    assert set() == called(project) - LOOPBACK
    assert [] == [*(project.folder / ".dagster").rglob("event.log")], "what Dagster's telemetry would send"
    assert (0, False) == (after.status, "fit" in after.worked), after.said


def typed(project: Project, *words: str) -> str:
    """What a command prints, typed in a project where nothing can be reached."""
    ran = subprocess.run(
        [*UNSHARE, "--net", *words],
        cwd=project.folder,
        env=environment(project) | {"DAGSTER_HOME": str(project.folder / ".dagster")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert 0 == ran.returncode, f"{words}\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr
