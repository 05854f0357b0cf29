"""A project just rendered is clean before anybody has touched it, and its words mean something."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pytest
from commands import commit, git
from conftest import Record, Render
from image import context, instructions
from project import FEAST, Project
from variants import SUPPORTED, Answers, name_of

CHECKS = [f"$(UV) run {command}" for command in ("ruff check", "ruff format --check", "mypy", "lint-imports", "deptry .")]


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Project], dict[str, str]]:
    """Where mypy keeps what it knows of the libraries, which takes it seconds to learn, from one variant to the next.

    Those of another environment are others, and would push each other out.
    """
    mypy, hooks = tmp_path_factory.mktemp("mypy"), tmp_path_factory.mktemp("pre-commit")
    return lambda project: {
        "MYPY_CACHE_DIR": str(mypy / ("feast" if project.python == FEAST else "default")),
        "PRE_COMMIT_HOME": str(hooks),
    }


def test_check_finds_nothing(
    variant: Answers, render: Render, caches: Callable[[Project], dict[str, str]], record_property: Record
) -> None:
    """The hooks pass on a project just committed and change nothing; its workflows are valid; the targets that it names exist.

    The only hook is `make check`: lint, format, types, import contract, declared dependencies.
    """
    project = render("copier", **variant)
    commit(project.folder)
    project.with_libraries("pre-commit", "run", "--all-files", env=caches(project))

    assert "" == git(project.folder, "status", "--porcelain")
    assert ["make check"] == re.findall(
        r"entry: (.*)", (project.folder / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    )
    assert CHECKS == recipe(project, "check")
    assert set() == named_targets(project) - targets(project)
    assert [] == [found for name, text in workflows(project).items() for found in wrong(name, text)]
    assert [] == [found for text in workflows(project).values() for found in re.findall(r"-version: [^\"'$\s].*", text)]
    record_property("checked", name_of(variant))


def recipe(project: Project, target: str) -> list[str]:
    """The commands behind a target of a project's Makefile."""
    makefile = project.folder.joinpath("Makefile").read_text(encoding="utf-8")
    return re.findall(r"^\t(.*)$", makefile.partition(f"\n{target}:")[2].partition("\n\n")[0], re.MULTILINE)


def targets(project: Project) -> set[str]:
    """The targets of a project's Makefile that its owner is told of."""
    return set(re.findall(r"^([a-z-]+):.*##", project.folder.joinpath("Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def named_targets(project: Project) -> set[str]:
    """Each `make` target that the README, the hooks or a workflow names, and those without which a project is none."""
    named = {
        target
        for name, content in project.files().items()
        if name.endswith((".md", ".yml", ".yaml", "Dockerfile"))
        for words in re.findall(r"(?:^|[`$&|:]\s*|run:\s*)make((?: [a-z-]+)+)", content.decode(), re.MULTILINE)
        for target in words.split()
    }
    return named | {"install", "check", "test", "run", "predict", "score"}


def workflows(project: Project) -> dict[str, str]:
    """The workflows of a project, by name."""
    folder = project.folder / ".github" / "workflows"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.y*ml"))}


@cache  # few variants have a workflow of their own
def wrong(name: str, text: str) -> tuple[str, ...]:
    """What the public schema and zizmor, offline and at its strictest, say against a workflow; no exception is made."""
    folder = Path(".github", "workflows")
    said = []
    with TemporaryDirectory() as made:
        place = Path(made)
        (place / folder).mkdir(parents=True)
        (place / folder / name).write_text(text, encoding="utf-8")
        for command in (
            ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(folder / name)],
            ["zizmor", "--offline", "--no-progress", "--persona=auditor", "."],
        ):
            ran = subprocess.run([tool(command[0]), *command[1:]], cwd=place, capture_output=True, text=True, check=False)
            said += [ran.stdout + ran.stderr] if ran.returncode else []
    return tuple(said)


def tool(name: str) -> str:
    """A command that was installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def test_help_lists_the_targets(render: Render) -> None:
    """`make` alone prints each target with what it does."""
    project = render("copier")
    printed = project.run("make")

    assert [] == [target for target in targets(project) if target not in printed]


# What has grown into a part of its own has a bound of its own; the rest is what joins them.
PARTS = {
    "feature store": "/feature_store/|/cli_features",
    "serving": "/serving/",
    "log and labels": "/(prediction_log|ledger|redaction|labels|replay|feedback|cli_labels|cli_replay)",
    "monitoring": "/monitoring/|/descriptors/|/reference|/cli_monitor",
    "encoders": "/encoders/",
    "data": "/data/",
    "model": "/model/",
    "gate and registry": "/(gate|intervals|registry|bundle|proof|card|cli_models)",
    "report": "/report/|/explanation|/report.py|/tracking",
    "search": "/knobs|/tune|/search_space",
    "engine": "/(engine|due|compute|progress)",
}
MOST_LINES = {"feature store": 1020, "encoders": 800, "data": 800, "model": 460, "gate and registry": 670, "serving": 1260}
MOST_LINES |= {"log and labels": 650, "monitoring": 1150, "report": 545, "search": 250, "engine": 250, "all else": 1400}


def test_default_project_stays_small(render: Render) -> None:
    """Half of the files have at most 100 lines, none more than 250; of code, each part keeps to its bound."""
    project = render("copier")
    texts = {name: text.decode() for name, text in project.files().items() if re.fullmatch(r"src/.*\.py", name)}
    lengths = [len(text.splitlines()) for text in texts.values()]
    parts: Counter[str] = Counter()
    for name, text in texts.items():
        part = next((part for part, pattern in PARTS.items() if re.search(pattern, name)), "all else")
        parts[part] += lines_of_code(text)

    assert max(lengths) <= 250
    assert median(lengths) <= 100
    assert {} == {part: lines for part, lines in parts.items() if lines > MOST_LINES[part]}


def lines_of_code(text: str) -> int:
    """Lines that hold code: neither blank, nor a comment, nor part of a docstring."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            documented |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(number not in documented and bool(line.strip()) and not line.strip().startswith("#") for number, line in lines)


@pytest.mark.parametrize("orchestrator", SUPPORTED["orchestrator"])
@pytest.mark.parametrize("serving", SUPPORTED["serving"])
def test_image_is_made_of_what_there_is(serving: str, orchestrator: str, render: Render) -> None:
    """What is copied is there once `make install` has written the lock, and let through; hadolint finds nothing.

    Libraries come before the code, so that an edit of it installs nothing anew; in the end nobody is root.
    """
    project = render("copier", serving=serving, orchestrator=orchestrator)
    copied = set()
    for target, lines in instructions(project).items():
        names = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1] if not name.startswith("--")]
        copied |= set(names)
        if target != "base":
            libraries = next(number for number, line in enumerate(lines) if "--no-install-project" in line)
            assert {"pyproject.toml", "uv.lock"} == {
                name for line in lines[:libraries] if line.startswith("COPY ") for name in line.split()[1:-1]
            }
            assert ["USER 10001"] == [line for line in lines if line.startswith("USER")]
            assert 'ENTRYPOINT ["/app/.venv/bin/next-pick"]' in lines
    ran = subprocess.run([tool("hadolint"), "Dockerfile"], cwd=project.folder, capture_output=True, text=True, check=False)

    assert {"uv.lock"} == {name for name in copied if not (project.folder / name).exists()}
    assert copied == {name.partition("/")[0] if name.startswith(".dvc/") else name for name in context(project)}
    assert (0, "") == (ran.returncode, ran.stdout + ran.stderr)
