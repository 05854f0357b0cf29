"""What runs a variant's commands and shares their passes does so truly: forks, folders that hold little, failures that tell."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import forks
import pytest
from conftest import Render
from passes import assert_passes
from project import CommandFailed, Project

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
