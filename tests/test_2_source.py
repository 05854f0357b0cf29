"""The template's files are files of their own language before anything is rendered."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from mutants import Mutant, mutants, noticed
from variants import QUESTIONS, SUPPORTED

TREE = "{{cookiecutter.project_slug}}"
VAGUE = {"base", "common", "core", "helper", "helpers", "manager", "misc", "util", "utils"}
NAMES_OF_A_PROJECT = {"project_name", "project_slug", "package_name", "description", "author_name", "author_email"}
THIS_MACHINE = [str(ROOT) + os.sep, str(Path.home()) + os.sep]


def files(folder: Path, pattern: str = "*") -> list[Path]:
    """The files below a folder, in order."""
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


def pythons(folder: Path) -> list[Path]:
    """The files below a folder that are Python once they are rendered; the name of some is a condition."""
    return [path for path in files(folder) if re.search(r"\.py('|$)", path.name)]


def test_settings_name_the_metrics_that_there_are(template: Path) -> None:
    """The comment beside `gate.metric` lists each of them, first those of classification."""
    metrics = next(template.rglob("metrics.py")).read_text(encoding="utf-8")
    [line] = re.findall(r"^metric = .*", template.joinpath(TREE, "settings.toml").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r'^    "(\w+)": Metric\(.*task="(\w+)"', metrics, re.MULTILINE)
    first, *others = [name for name, task in named if task == "classification"]
    numbers = [name for name, task in named if task == "regression"]

    assert f'metric = "{first}" # what decides; or {", ".join(others)}; of a regression {", ".join(numbers)}' == line


@pytest.mark.parametrize("command", [["check", "--ignore", "N999"], ["format", "--check"]], ids=" ".join)
def test_sources_are_clean_unrendered(command: list[str], template: Path) -> None:
    """Ruff, with the rules of the generated project, finds nothing in the template's Python sources.

    But for N999, a module's name: the folder's is not rendered yet.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "src"],
        cwd=template / TREE,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == ran.returncode, ran.stdout + ran.stderr


def test_python_holds_no_condition(template: Path) -> None:
    """Every Python file below src parses as it stands and holds neither a block nor a comment of Jinja's."""
    for path in pythons(template / TREE / "src"):
        text = path.read_text(encoding="utf-8")

        assert ast.parse(text, filename=str(path))
        assert not re.search(r"\{%|%\}|\{#|#\}", text), path.name


def test_tests_hold_no_condition(template: Path) -> None:
    """A generated test is either there or not; no line of it depends on an answer."""
    held = [path.name for path in pythons(template / TREE / "tests") if "{%" in path.read_text(encoding="utf-8")]

    assert [] == held


def test_tests_can_fail(template: Path) -> None:
    """Every generated test asserts something that is no constant, or expects an error, and none leaves itself out."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in pythons(template / TREE / "tests")}
    trees = {name: ast.parse(re.sub(r"{{ cookiecutter\.(\w+) }}", r"\1", text)) for name, text in texts.items()}
    tests = [
        (f"{name}::{node.name}", node)
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]

    assert 50 < len(tests)
    assert [] == [name for name, test in tests if not asserts(test)]
    assert [] == [name for name, tree in trees.items() if {"skip", "skipif", "xfail", "importorskip"} & names(tree)]


def asserts(test: ast.FunctionDef) -> bool:
    """Whether a test has an assertion of its own, or calls one of the functions and context managers that assert."""
    conditions = [node.test for node in ast.walk(test) if isinstance(node, ast.Assert)]
    return any(names(condition) for condition in conditions) or any(
        name == "raises" or "assert" in name for name in names(test)
    )


def names(tree: ast.AST) -> set[str]:
    """The names and attributes that code mentions."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_python_holds_no_text_answer(template: Path) -> None:
    """No name or description stands in Python, where a long one would fail the project's own lint."""
    texts = re.compile(r"cookiecutter\.(__)?(project_name|description|author_name)\b")
    held = [path.name for path in pythons(template / TREE) if texts.search(path.read_text("utf-8"))]

    assert [] == held


def test_trees_files_are_files_of_their_language(template: Path) -> None:
    """TOML and YAML of the tree parse before they are rendered, as editors and bots read them."""
    parsed = [tomllib.loads(path.read_text(encoding="utf-8")) for path in files(template / TREE, "*.toml")]
    parsed += [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files(template / TREE, "*.y*ml")]

    assert all(parsed)


def test_names_say_something(template: Path) -> None:
    """No file or folder is called what could be called anything."""
    named = {path.relative_to(template).as_posix() for path in template.rglob("*") if path.stem.lower() in VAGUE}

    assert set() == named


def test_no_path_of_this_machine(template: Path) -> None:
    """No file names a folder of the machine on which it was written."""
    texts = {path.relative_to(template).as_posix(): path.read_bytes().decode(errors="replace") for path in files(template)}

    assert [] == [(name, path) for name, text in texts.items() for path in THIS_MACHINE if path in text]


def test_hooks_know_no_option(template: Path) -> None:
    """No hook names a choice or one of its answers: the tree alone says what a choice changes."""
    options = {*QUESTIONS, *(answer for offered in SUPPORTED.values() for answer in offered)} - NAMES_OF_A_PROJECT
    words = {word for hook in files(template / "hooks") for word in re.findall(r"[\w.-]+", hook.read_text(encoding="utf-8"))}

    assert set() == options & words - {"none"}


def test_hooks_use_no_shell(template: Path) -> None:
    """A hook is Python and starts programs with a list of words."""
    for hook in files(template / "hooks"):
        text = hook.read_text(encoding="utf-8")

        assert ".py" == hook.suffix
        assert "shell=True" not in text
        assert "os.system" not in text


def test_paths_are_legal_everywhere(template: Path) -> None:
    """A clone of the template works on Windows: no path holds what it forbids or is too long for it."""
    paths = [path.relative_to(template).as_posix() for path in files(template)]

    assert [] == [path for path in paths if re.search(r'[<>:"\\|?*]|[. ]$', path) or len(path) > 160]


def test_actions_are_pinned(template: Path) -> None:
    """Every action of a workflow is pinned to a commit, and no job may write unless it says so."""
    for workflow in files(template / TREE / ".github" / "workflows"):
        text = workflow.read_text(encoding="utf-8")
        used = re.findall(r"uses:\s*(\S+)", text)

        assert [] == [action for action in used if not re.search(r"@[0-9a-f]{40}$", action)]
        assert "permissions" in yaml.safe_load(text), workflow.name


def test_runner_stands_by_itself(template: Path) -> None:
    """The runner is a job's first line, and an empty one follows: an owner's does not touch what a release changes."""
    for workflow in files(template / TREE / ".github" / "workflows"):
        text = workflow.read_text(encoding="utf-8")

        assert text.count("runs-on:") == len(re.findall(r"^  [\w-]+:\n    runs-on: .*\n\n", text, re.MULTILINE)), workflow.name


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.what.replace(" ", "-"))
def test_faults_still_fit(mutant: Mutant, template: Path, tmp_path: Path) -> None:
    """Each fault of `make mutants` can be seeded into the template as it is, and changes a file or its mode."""
    path = tmp_path / Path(mutant.file).name
    if (template / mutant.file).exists():
        shutil.copy2(template / mutant.file, path)
    before = state(path)
    mutant.change(path)

    assert before != state(path)


def state(path: Path) -> tuple[int, bytes] | None:
    """A file's mode and content; None if there is none."""
    return (path.stat().st_mode, path.read_bytes()) if path.exists() else None


def test_faults_were_all_noticed() -> None:
    """The table of faults is the script's, and names a test for each."""
    assert [mutant.what for mutant in mutants()] == list(noticed())
