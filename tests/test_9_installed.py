"""Projects in environments of their own, made from what their pyproject.toml declares: what each README says works."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import pytest
from commands import at_a_terminal, commit, git
from conftest import Render
from filelock import FileLock
from image import built
from project import CommandFailed, Project
from readme import commands
from runs import STEPS
from server import listens
from test_4_hostile import HOSTILE
from test_7_variants import FEW_ROWS
from variants import DEFAULTS, Answers, each_answer, name_of

SOME = "tests/data"  # where it is enough to see that a project's tests start: they are run elsewhere, for every variant
PORTS = {"make serve": 8000, "make ui": 3000}  # where a README says that servers are asked


@pytest.fixture
def reader(tmp_path: Path) -> dict[str, str]:
    """What the reader of a README has: Python with pip, git and make; no uv, and nothing that the tests have installed."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "python"], check=True)
    hidden = Path(sys.executable).parent
    path = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != hidden]
    return {"PATH": os.pathsep.join([str(tmp_path / "python" / "bin"), *path])}


@pytest.mark.slow
@pytest.mark.parametrize("answers", each_answer(), ids=name_of)
def test_readme_of_a_project_is_true(
    answers: Answers, released: Path, reader: dict[str, str], tmp_path: Path, shared: Path
) -> None:
    """Every command of its README works in its order, for variants that hold each answer, under pandas 3.

    Feast takes 2.3 alone, under which the default project is run as well, with the tests of its store. The default project's
    tests are all run; of the others' those of their engine and the whole run. What serves needs no training package. The
    hooks find nothing to change, and none of it leaves a file that git would want.
    """
    project = Project.render("copier", released, answers, tmp_path / "rendered")
    commit(project.folder)
    text = (project.folder / "README.md").read_text(encoding="utf-8")
    listed = commands(text)
    assert {"make install", "make check", "make test", "make run", "make predict", "uvx copier update"} <= set(listed)
    assert ("make ui" in listed) == (answers["orchestrator"] == "dagster")
    tests = "" if answers == DEFAULTS else f"{SOME} tests/code/test_engine.py tests/test_whole_run.py"
    said = read_and_type(listed, project, reader | {"PYTEST_ADDOPTS": tests}, FileLock(shared / "ports.lock"))

    asked = [json.loads(said[command]) for command in listed if command.startswith("curl")]
    if answers["serving"] == "api":
        ready, answered = asked
        assert "ready" == ready["status"]
        assert ["prediction" in answer for answer in answered["answers"]] == [True]
    assert ("make serve" in listed) == bool(asked) == (answers["serving"] == "api")
    assert "{" in said["make predict"]
    assert len(pd.read_parquet(project.folder / "answers.parquet")) == len(pd.read_csv(project.folder / "rows.csv"))
    assert "v0.1.0" in (project.folder / ".copier-answers.yml").read_text(encoding="utf-8")
    project.run(".venv/bin/pre-commit", "run", "--all-files", env=reader)
    assert_image_works(project, reader, tmp_path / "image")
    assert "" == git(project.folder, "status", "--porcelain")
    if answers["feature_store"] == "feast":
        assert pandas_of(project).startswith("2.3.")
        return
    assert pandas_of(project).startswith("3.")
    if answers != DEFAULTS:
        return
    project.run("uv", "lock", "--upgrade-package", "pandas==2.3.3", env=reader)
    project.run("make", "install", "check", "run", "predict", "score", "IN=rows.csv", "OUT=answers.parquet", env=reader)
    project.run("make", "test", "TESTS=tests/code/test_feature_store.py tests/code/test_duckdb_store.py", env=reader)
    assert pandas_of(project) == "2.3.3"


def read_and_type(listed: list[str], project: Project, reader: dict[str, str], ports: FileLock) -> dict[str, str]:
    """Type commands one after the other, as somebody would who knows what they are for; what each printed."""
    said: dict[str, str] = {}
    with ExitStack() as running:
        for command in listed:
            if command in PORTS:
                running.enter_context(ports)
                running.enter_context(in_the_background(command, project, reader))
                continue
            if command.startswith("make score"):
                write_rows(project)
            if command == "uvx copier update":
                commit(project.folder)
                said[command] = at_a_terminal(command, project.folder, reader)
            else:
                said[command] = project.run("bash", "-c", command, env=reader)
    return said


def write_rows(project: Project) -> None:
    """Make the file that is to be scored, of the rows that were ingested; a picture becomes a path, as it would be in a CSV."""
    rows = pd.read_parquet(project.folder / "artifacts" / "ingest" / "requests.parquet").head(50)
    if "avatar" in rows:
        for number, picture in rows["avatar"].dropna().items():
            (project.folder / f"{number}.png").write_bytes(picture)
            rows.loc[number, "avatar"] = f"{number}.png"
    rows.to_csv(project.folder / "rows.csv", index=False)


@contextmanager
def in_the_background(command: str, project: Project, reader: dict[str, str]) -> Iterator[None]:
    """A server, from when it listens; stopped at the end with what it started."""
    port = PORTS[command]
    assert not listens(port), f"another server listens on port {port}; stop it, or its answers are taken for the project's"
    server = subprocess.Popen(["bash", "-c", command], cwd=project.folder, env=os.environ | reader, start_new_session=True)
    try:
        wait_until_it_listens(server, port)
        yield
        assert server.poll() is None
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def wait_until_it_listens(server: subprocess.Popen[bytes], port: int) -> None:
    """Give a server a minute."""
    deadline = time.monotonic() + 60
    while not listens(port):
        assert server.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


def pandas_of(project: Project) -> str:
    """The version in the project's own environment."""
    return project.run(".venv/bin/python", "-c", "import pandas; print(pandas.__version__)").strip()


def assert_image_works(project: Project, reader: dict[str, str], place: Path) -> None:
    """From the same lock: `IMAGE step NAME` for each step, then an answer where no engine is, nor anything else that trains."""
    pipeline = built(project, "pipeline", place / "pipeline", reader)
    serving = built(project, "serving", place / "serving", reader)
    Project(pipeline.folder, {}).edit_settings((r"demo = \d+", FEW_ROWS))
    for step in STEPS:
        assert f"{step}: done" in pipeline.run("step", step)
    for mounted in ("artifacts", "feature_store", "models"):
        if (pipeline.folder / mounted).exists():
            shutil.move(pipeline.folder / mounted, serving.folder)

    assert '"prediction"' in serving.run("predict")
    installed = {path.name.partition("-")[0] for path in (serving.folder / ".venv").rglob("*.dist-info")}
    assert set() == {"doit", "dvc", "dagster", "kfp", "optuna", "pytest"} & installed
    shutil.rmtree(place)


@pytest.mark.slow
def test_readme_of_the_template_is_true(released: Path, reader: dict[str, str], tmp_path: Path) -> None:
    """Every command of it works in its order, in a fresh clone, then in a project.

    `make test` is what runs this, and has begun with `make install`: they are only read.
    """
    listed = commands((released / "README.md").read_text(encoding="utf-8"))
    checkout = next(command for command in listed if command.startswith("uvx cookiecutter"))
    git(released, "tag", "--force", checkout.split()[-1])
    clone, work = Project(released, {}), tmp_path / "work"
    work.mkdir()
    project, ours = Project(work / "my-project", {}), tmp_path / "ours"
    adopt = f"uvx copier copy {released} ."
    ours.mkdir()
    (ours / "README.md").write_text("Ours.\n")
    typed: dict[str, Callable[[], str]] = {
        "make demo": lambda: clone.run("make", "demo", env=reader),
        "make test": lambda: clone.run("make", "--dry-run", "test", env=reader),
        "pip install uv": lambda: clone.run("pip", "install", "--quiet", "uv", env=reader),
        "make install": lambda: clone.run("make", "--dry-run", "install", env=reader),
        "uvx copier copy URL-OR-PATH my-project": lambda: at_a_terminal(f"uvx copier copy {released} my-project", work, reader),
        checkout: lambda: at_a_terminal(checkout.replace("URL-OR-PATH", f"git+file://{released}"), work, reader),
        (begin := "git init && make install run predict"): lambda: project.run("bash", "-c", begin, env=reader),
        (keep := 'git add -A && git commit -m "As generated"'): lambda: project.run("bash", "-c", keep, env=reader),
        "make check test": lambda: project.run("make", "check", "test", env=reader | {"PYTEST_ADDOPTS": SOME}),
        "uvx copier update": lambda: updated(project, reader),
        "uvx copier copy URL-OR-PATH . --pretend": lambda: at_a_terminal(f"{adopt} --pretend", ours, reader),
        "uvx copier copy URL-OR-PATH .": lambda: at_a_terminal(adopt, ours, reader),
    }
    assert listed == list(typed)
    said = {command: types() for command, types in typed.items()}

    assert '"prediction"' in said["make demo"]
    assert "pytest" in said["make test"]
    assert (work / "next-pick" / "pyproject.toml").read_bytes() == (project.folder / "pyproject.toml").read_bytes()
    assert '"prediction"' in said[begin]
    assert "Ours.\n" == (ours / "README.md").read_text()
    assert (ours / "Makefile").exists()


def updated(project: Project, reader: dict[str, str]) -> str:
    """What is printed by an update of a project, committed before."""
    commit(project.folder)
    return at_a_terminal("uvx copier update", project.folder, reader)


@pytest.mark.slow
def test_variant_is_made_and_run_by_one_command(released: Path, reader: dict[str, str]) -> None:
    """`make variant` renders the answers that it is given, a text with blanks too, and runs all that the project has."""
    answers = "modalities=tabular model=single serving=batch project_name='Two words'"
    said = Project(released, {}).run("make", "variant", f"ANSWERS={answers}", env=reader | {"PYTEST_ADDOPTS": SOME})

    assert '"prediction"' in said
    assert not (released / "variant" / "src" / "two_words" / "serving" / "app.py").exists()


@pytest.mark.slow
def test_hostile_project_installs(render: Render) -> None:
    """A project with a name, description and author that break other templates is built, installed and checked as any other."""
    text = "".join(HOSTILE[kind] for kind in ("double-quotes", "backslashes", "expression", "emoji", "comment"))
    project = render(
        "copier", project_name=HOSTILE["markup"], description=text, author_name=text[:100].strip(), project_slug="next-pick"
    )
    project.run("make", "install", "check")

    assert "usage" in project.run(".venv/bin/next-pick", "--help").lower()


@pytest.mark.slow
def test_feast_takes_each_configuration_that_is_shown(render: Render, tmp_path: Path) -> None:
    """Those of docs/feast.md, for stores that are elsewhere too, as Feast itself reads them; a misspelt one it refuses."""
    project = render("copier", feature_store="feast")
    blocks = re.findall(r"^```yaml\n(.*?)^```", (project.folder / "docs" / "feast.md").read_text(encoding="utf-8"), re.M | re.S)
    python = tmp_path / "environment" / "bin" / "python"
    uv = str(Path(sys.executable).with_name("uv"))
    project.run(uv, "venv", "--quiet", "--python", sys.executable, str(python.parents[1]))
    project.run(uv, "pip", "install", "--quiet", "--python", str(python), "feast[duckdb,redis,snowflake,gcp,spark]==0.67.*")
    script = (
        "import sys; from pathlib import Path; from feast import FeatureStore; from feast.repo_config import load_repo_config\n"
        "for folder in map(Path, sys.argv[1:]):\n"
        "    config = load_repo_config(folder, folder / 'feature_store.yaml')\n"
        "    print(type(FeatureStore(config=config)._get_provider()).__name__)"
    )
    *shown, misspelt = [tmp_path / str(number) for number in range(len(blocks) + 1)]
    for folder, text in zip([*shown, misspelt], [*blocks, blocks[-1].replace("connection_string", "connection")], strict=True):
        folder.mkdir()
        (folder / "feature_store.yaml").write_text(text, encoding="utf-8")

    said = project.run(str(python), "-c", script, *map(str, shown), env={"SNOWFLAKE_ACCOUNT": "a"})
    assert len(blocks) == said.count("Provider\n")
    with pytest.raises(CommandFailed, match="connection"):
        project.run(str(python), "-c", script, str(misspelt))
    assert {"duckdb", "spark", "snowflake.offline", "bigquery", "redis"} <= {
        word for text in blocks for word in re.findall(r"type: ([\w.]+)", text)
    }
