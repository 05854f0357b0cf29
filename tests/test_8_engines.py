"""One pipeline, four engines: whichever orders the steps, the same ones run, and nothing half-done is ever taken for done."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from commands import commit, ctrl_c_heeded
from project import Project, write_script
from variants import SUPPORTED

STEPS = ("ingest", "validate", "materialize", "training_set", "test_set", "fit", "evaluate", "promote", "report")
SECONDS = 300
UNSHARE = ("unshare",) if os.geteuid() == 0 else ("unshare", "--map-root-user")


class Run:
    """A run of the pipeline, as its owner types it: what it printed, how it ended, and the steps that did something."""

    def __init__(self, project: Project, *before: str) -> None:
        self.project, self.were = project, manifests(project)
        command = [*before, sys.executable, "-m", project.package, "run"]
        with ctrl_c_heeded():
            self.process = subprocess.Popen(
                command,
                cwd=project.folder,
                env=environment(project),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def end(self) -> "Run":
        """Wait for its end."""
        self.said, _ = self.process.communicate(timeout=SECONDS)
        self.status = self.process.returncode
        self.worked = {name for name, when in manifests(self.project).items() if when != self.were.get(name)}
        return self

    def stop(self, number: signal.Signals, step: str) -> "Run":
        """Send a signal to all its processes as soon as a step has begun, and wait for the end."""
        deadline = time.monotonic() + SECONDS
        while not halves(self.project, step) and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        os.killpg(self.process.pid, number)
        return self.end()


def run(project: Project, *before: str) -> Run:
    """A run to its end."""
    return Run(project, *before).end()


def alive(run: Run) -> list[str]:
    """The processes that a run has started and that still do something, a moment after its end."""
    deadline = time.monotonic() + 5
    while True:
        told = subprocess.run(
            ["ps", "-s", str(run.process.pid), "-o", "stat=,args="], capture_output=True, text=True, check=False
        ).stdout.splitlines()
        found = [line for line in told if not line.startswith("Z")]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def manifests(project: Project) -> dict[str, int]:
    """When each step's manifest was written."""
    found = (project.folder / "artifacts").glob("*/manifest.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


def halves(project: Project, step: str = "*") -> list[Path]:
    """Folders of steps that are being written, or were when they were killed."""
    return [path for path in (project.folder / "artifacts").glob(f".{step}.*") if path.is_dir()]


def environment(project: Project) -> dict[str, str]:
    """What the run finds: one thread, and the project's own command, as an installation makes it."""
    folder = project.folder.parent / "commands"
    write_script(folder / "next-pick", f"#!{sys.executable}\nfrom {project.package}.cli import main\nmain()\n")
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    return project.environment() | {"PATH": path, "OMP_NUM_THREADS": "1"}


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
def test_a_full_disk_is_survived(project: Project) -> None:
    """Where the next byte does not fit the step fails by name; with more room the next run goes on and all is whole."""
    command = f"{sys.executable} -m {project.package}"
    whole = sum(path.stat().st_size for path in (project.folder / "artifacts").rglob("*") if path.is_file())
    shutil.rmtree(project.folder / "artifacts")
    (project.folder / "artifacts").mkdir()
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

    assert 0 == done.returncode, done.stdout + done.stderr
    assert re.search(r"error: step \w+ failed: \S*Error: .*No space left on device", done.stdout + done.stderr), done.stderr
    assert "every artifact is what its step wrote" in done.stdout
