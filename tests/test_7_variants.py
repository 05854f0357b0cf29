"""Every variant runs: its own tests, its pipeline, a batch, a request. Those whose runtime files are equal run once."""

import json
import os
import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import forks
import pandas as pd
import pytest
from conftest import ROOT, Record, Render
from filelock import FileLock
from project import CommandFailed, Project
from server import serving
from variants import Answers, name_of

FEW_ROWS = "demo = 1600"  # per demo table: enough for a model to beat the dummy beyond chance, by numbers and categories alone


def test_variant_runs(variant: Answers, render: Render, shared: Path, tmp_path: Path, record_property: Record) -> None:
    """In a folder that holds its runtime files and nothing else, so that a variant with equal files can't run otherwise."""
    project = render("copier", **variant)
    runtime = project.runtime()
    digest = sha256(repr(sorted(runtime.items())).encode()).hexdigest()
    passed = shared / f"{digest}.passed"
    with FileLock(shared / f"{digest}.lock"):
        if not passed.exists():
            assert_runs(only(runtime, project, tmp_path / "runtime"))
            passed.touch()
    record_property("run", name_of(variant))
    record_property("runtime", digest)


def only(files: dict[str, bytes], of: Project, folder: Path) -> Project:
    """A folder with these files of a project, their modes as there."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod((of.folder / name).stat().st_mode)
    return replace(of, folder=folder)


def assert_runs(project: Project) -> None:
    """Its own tests pass; on few rows its pipeline promotes a model, which answers every row of a batch and any request."""
    project.warm("pytest", "-q", "-p", "no:cacheprovider")
    settings = project.folder / "settings.toml"
    settings.write_text(re.sub(r"demo = \d+", FEW_ROWS, settings.read_text(encoding="utf-8")), encoding="utf-8")
    project.warm(project.package, "run")
    raw = project.folder / "artifacts" / "ingest" / "requests.parquet"
    project.warm(project.package, "score", str(raw), "answers.parquet")
    rows, answers = pd.read_parquet(raw), pd.read_parquet(project.folder / "answers.parquet")

    assert rows["user_id"].tolist() == answers["user_id"].tolist()
    assert answers["prediction"].notna().all()
    if (project.folder / "src" / project.package / "serving" / "app.py").exists():
        assert_serves(project, rows.head(20), answers.head(20))


def assert_serves(project: Project, rows: pd.DataFrame, answers: pd.DataFrame) -> None:
    """The server answers rows, sent as JSON, as the batch answered them."""
    promoted = json.loads((project.folder / "models" / "current.json").read_text(encoding="utf-8"))["version"]
    card = json.loads((project.folder / "models" / promoted / "card.json").read_text(encoding="utf-8"))
    fields = {"user_id", card["data"]["segment"], *(name for names in card["columns"].values() for name in names)}
    sent = rows[sorted(fields & set(rows))].to_dict("records")
    for row in sent:
        row.update({name: b64encode(value).decode() for name, value in row.items() if isinstance(value, bytes)})
    with serving(project) as server:
        served = server.ask("/predict", json.loads(pd.DataFrame(sent).to_json(orient="records", double_precision=15)))[
            "answers"
        ]

    assert answers["prediction"].tolist() == [answer["prediction"] for answer in served]
    assert answers["probability"].tolist() == pytest.approx([answer["probability"] for answer in served], abs=1e-9)


@pytest.mark.slow
def test_demo_shows_what_it_is_for(render: Render) -> None:
    """On the demo data the cascade beats the single model, and each modality taken away costs accuracy and log-loss."""
    project = render("copier")

    project.with_libraries("python", str(ROOT / "bench" / "demo.py"), "--project", ".", "--seeds", "1")


@pytest.mark.slow
def test_server_answers(render: Render) -> None:
    """A server is unready without a model and says why, answers once there is one, and stops when told to."""
    project = render("copier")
    with serving(project) as server:
        assert "no model is promoted" in server.ask("/ready", expect=503)["reason"]
    project.warm(project.package, "run")
    with serving(project) as server:
        assert "ready" == server.ask("/ready")["status"]
        answer = server.ask("/predict", {"user_id": 7, "hour": 21, "device": "tv"})["answers"][0]

        words = {"user_id", "prediction", "probability", "route", "route_probability", "route_source", "missing", "unseen"}
        assert words == answer.keys()
        assert ("text, image", None) == (answer["missing"], answer["unseen"])
        assert "'hr' is no known field" in server.ask("/predict", {"user_id": 7, "hr": 21}, expect=422)["detail"]


Try = Callable[..., tuple[int, str]]


@pytest.fixture
def attempt(tmp_path: Path) -> Try:
    """Runs a script in a fork: its exit status, and what it printed."""

    def attempts(script: str, seconds: float = 60) -> tuple[int, str]:
        (tmp_path / "script.py").write_text(script, encoding="utf-8")
        said = tmp_path / "said.txt"
        status = forks.run(["script"], tmp_path, dict(os.environ), said, seconds)
        return status, said.read_text(encoding="utf-8")

    return attempts


def test_fork_is_a_process_of_its_own(attempt: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the libraries, but neither a module of the tests nor what an earlier command set or imported; it ends as any."""
    monkeypatch.setenv("MARK", "7")
    attempt("import pandas, sys\npandas.DataFrame.mark = sys.modules['json.mark'] = 1")
    status, said = attempt(
        "import atexit, os, sys, pandas\natexit.register(print, 'end')\n"
        "print(os.environ['MARK'], {'project', 'forks'} & {*sys.modules}, 'json.mark' in sys.modules,"
        "hasattr(pandas.DataFrame, 'mark'))"
    )

    assert (0, "7 set() False False\nend\n") == (status, said)


@pytest.mark.parametrize(
    ("script", "status", "sentence"),
    [
        ("import os\nos.abort()", -6, ""),
        ("import ctypes\nctypes.string_at(0)", -11, "Segmentation"),
        ("held = bytearray(9 * 2**30)", 1, "MemoryError"),
        ("import time\ntime.sleep(60)", -9, ""),
        ("raise SystemExit('refused')", 1, "refused"),
        ("import sys\nsys.exit(3)", 3, ""),
    ],
    ids=["abort", "crash", "leak", "hang", "refusal", "status"],
)
def test_fork_that_dies_is_told_and_touches_no_other(script: str, status: int, sentence: str, attempt: Try) -> None:
    """Its status is its own, and the next one is as if it had never been."""
    died = attempt(f"import faulthandler\nfaulthandler.enable()\n{script}", seconds=3)

    assert status == died[0]
    assert sentence in died[1]
    assert (0, "well\n") == attempt("print('well')")


def test_fork_leaves_nothing_running(attempt: Try) -> None:
    """What a command started and forgot is stopped with it."""
    status, said = attempt("import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)")
    deadline = time.monotonic() + 10
    while runs(int(said)) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert 0 == status
    assert not runs(int(said))


def runs(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def test_failure_says_how_to_get_there(render: Render) -> None:
    """The error of a broken variant holds its answers as a command, the command that failed, and what that printed."""
    project = render("copier", model="single", serving="api")
    with pytest.raises(CommandFailed) as failed:
        project.warm(project.package, "predict")

    typed = (
        "rm -rf variant; make variant ANSWERS=model=single; cd variant; PATH=$PWD/.venv/bin:$PATH python -m next_pick predict"
    )
    assert f"exit status 1 of\n  {typed}\n" in str(failed.value)
    assert "no model is promoted" in str(failed.value)
