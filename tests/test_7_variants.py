"""Every variant runs: its own tests, its pipeline, a batch, a request. Those whose runtime files are equal run once."""

import json
import os
import re
import tempfile
import time
import tomllib
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import forks
import pandas as pd
import pytest
from conftest import ROOT, Record, Render
from filelock import FileLock
from passes import ALONE, assert_passes, only, options
from project import CommandFailed, Project
from server import serving
from variants import DEFAULTS, SUPPORTED, Answers, each_engine, name_of

FILES = tomllib.loads(Path(__file__).with_name("files.toml").read_text(encoding="utf-8"))
ENGINES = {f"orchestrator = {engine}" for engine in SUPPORTED["orchestrator"]}
ENGINES_FILES = {name for name, reasons in FILES["with"].items() if ENGINES & set(reasons)}
ENGINES_FILES |= {"src/next_pick/pipeline/engine.py", "README.md", "Makefile", "Dockerfile", "pyproject.toml"}
ENGINES_FILES |= {".dockerignore", ".gitignore"}
FEW_ROWS = "demo = 1600"  # per demo table: enough for a model to beat the dummy beyond chance, by numbers and categories alone


def test_variant_runs(variant: Answers, render: Render, shared: Path, tmp_path: Path, record_property: Record) -> None:
    """In a folder that holds its runtime files and nothing else, so that a variant with equal files can't run otherwise.

    An engine brings files of its own; without them, the variant is the one with the default engine, and runs as that.
    """
    project = render("copier", **variant | {"orchestrator": DEFAULTS["orchestrator"]})
    assert_equal_but_for_the_engine(project, render("copier", **variant))
    runtime = project.runtime()
    digest = sha256(repr(sorted(runtime.items())).encode()).hexdigest()
    passed = shared / f"{digest}.passed"
    with FileLock(shared / f"{digest}.lock"):
        if not passed.exists():
            assert_runs(only(runtime, project, tmp_path / "runtime"), shared)
            passed.touch()
    record_property("run", name_of(variant))
    record_property("runtime", digest)


def assert_equal_but_for_the_engine(one: Project, other: Project) -> None:
    """Two projects differ in files that an engine brings, or whose lines about it no step and no test of theirs reads."""
    ours, theirs = one.files(), other.files()
    differ = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}

    assert differ <= ENGINES_FILES
    assert options(ours) == options(theirs)
    assert pictures(ours["README.md"]) == pictures(theirs["README.md"])


def pictures(text: bytes) -> list[bytes]:
    """What a page shows as a diagram."""
    return re.findall(rb"^```mermaid\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("answers", each_engine(), ids=name_of)
def test_engine_runs(answers: Answers, render: Render, shared: Path) -> None:
    """Its own tests pass; by it, the pipeline promotes a model, and finds nothing to do right after."""
    project = render("copier", **answers)
    project.edit_settings((r"demo = \d+", FEW_ROWS))
    first, second = project.with_libraries("next-pick", "run"), project.with_libraries("next-pick", "run")
    steps = [path.parent.name for path in (project.folder / "artifacts").glob("*/manifest.json")]

    assert 9 == len(steps)
    assert [(f"{step}: done in" in first, f"{step}: unchanged" in second) for step in steps] == [(True, True)] * 9
    assert json.loads((project.folder / "models" / "current.json").read_text(encoding="utf-8"))["version"]
    passed = shared / f"engine-{answers['orchestrator']}-{answers['feature_store']}"
    with FileLock(f"{passed}.lock"):
        if not passed.exists():
            project.warm("pytest", "-q", "-p", "no:cacheprovider", "tests/code/test_engine.py")
            passed.touch()


def assert_runs(project: Project, shared: Path) -> None:
    """Its own tests pass; on few rows its pipeline promotes a model, which answers every row of a batch and any request."""
    alone = [test for test in ALONE if (project.folder / test).exists()]
    for test in alone:
        assert_passes(test, project, shared)
    project.warm("pytest", "-q", "-p", "no:cacheprovider", *(f"--ignore={test}" for test in alone))
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


CURIOUS = """
import os
from importlib.util import find_spec
from pathlib import Path

from price import price

SHOP = Path(__file__).parents[1] / "src"


def test_price():
    with Path(os.environ["RUNS"]).open("a") as runs:
        print("a run", file=runs)
    assert (3, None) == (price(SHOP), find_spec("gift"))
    assert (False, ["pen"]) == ((SHOP / "sale").exists(), os.listdir(SHOP / "goods"))
"""
BY_CHILD = "import subprocess\ndef price(shop): return int(subprocess.check_output(['cat', shop / 'tag']))"
UNHEARD = "import duckdb\ndef price(shop): return duckdb.sql(f\"FROM read_csv('{shop}/tag', header=false)\").fetchall()[0][0]"
Ran = Callable[..., int]


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Has a curious test file pass in a small project with these files beside or in place of others: its runs until now."""
    runs = tmp_path / "runs"
    monkeypatch.setenv("RUNS", str(runs))
    common = {
        "pyproject.toml": "[tool.pytest.ini_options]\nxfail_strict = true\n",
        "tests/test_price.py": CURIOUS,
        "src/price.py": "def price(shop): return 3",
        "src/goods/pen": "",
        "src/tag": "3\n",
    }

    def runs_until_now(**changes: str) -> int:
        project = Project(Path(tempfile.mkdtemp(dir=tmp_path)), {})
        for name, text in (common | changes).items():
            (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (project.folder / name).write_text(text, encoding="utf-8")
        assert_passes("tests/test_price.py", project, tmp_path)
        return runs.read_text(encoding="utf-8").count("run")

    return runs_until_now


def test_test_file_runs_again_only_where_what_it_looks_for_differs(ran: Ran) -> None:
    """Once in a whole folder, once in one that holds what it looked for; then where that is another, or there is more of it."""
    assert [1, 2, 2, 2] == [ran(), ran(), ran(**{"settings.toml": ""}), ran(**{"README.md": "x"})]
    for name in ("src/price.py", "src/gift.py", "src/sale", "src/goods/ink"):
        with pytest.raises(CommandFailed, match="1 failed"):
            ran(**{name: "def price(shop): return 4"})
    assert 6 == ran()


def test_test_file_runs_everywhere_if_it_starts_a_process(ran: Ran) -> None:
    """What a child reads is unknown."""
    assert [1, 2, 2, 3] == [ran(**{"src/price.py": BY_CHILD, "LIES": text}) for text in ("", "a", "a", "b")]


def test_what_is_read_unheard_is_missed_aloud(ran: Ran) -> None:
    """DuckDB tells Python nothing of the files that it opens."""
    assert 1 == ran(**{"src/price.py": UNHEARD})
    with pytest.raises(CommandFailed, match=r"(?s)nothing but src/goods.*No files found"):
        ran(**{"src/price.py": UNHEARD})


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
