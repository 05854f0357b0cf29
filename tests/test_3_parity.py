"""Whatever is answered, both tools make the same files, and every one of them is whole."""

import ast
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from conftest import Record, Render, Rendered
from project import ANSWERS_FILE, Project
from variants import DEFAULTS, LICENSES, QUESTIONS, SUPPORTED, Answers, name_of

FILES = tomllib.loads(Path(__file__).with_name("files.toml").read_text(encoding="utf-8"))
LONGEST_PATH = 120  # Windows has 260 for all of it
PARSERS: dict[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".yml": lambda text: list(yaml.safe_load_all(text)),
}


def assert_same(one: Project, other: Project) -> None:
    """Both projects hold the same files and folders, byte for byte and mode for mode."""
    ours, theirs = one.files(), other.files()

    assert ours.keys() == theirs.keys()
    assert [] == [name for name in ours if ours[name] != theirs[name]]
    assert one.modes() == other.modes()


def assert_whole(project: Project) -> None:
    """Every file parses as what its name says, none is empty, and none shows that it was rendered."""
    for name, content in project.files().items():
        text = content.decode(encoding="utf-8")

        assert text.strip(), f"{name} is empty"
        assert text.endswith("\n"), f"{name} does not end its last line"
        assert PARSERS.get(Path(name).suffix, str)(text) is not None, name
        assert len(name) < LONGEST_PATH
        assert text.startswith("#!") == os.access(project.folder / name, os.X_OK), f"{name}: only a script is executable"
        assert not re.search(r'[<>:"\\|?*]|[. ]$|(^|/)(aux|con|nul|prn)\.', name), f"{name} is no name on Windows"
    assert [] == [path for path in project.folder.rglob("*") if path.is_dir() and not any(path.iterdir())]


def assert_clean(project: Project) -> None:
    """Ruff finds nothing to say about a project and nothing to change in it."""
    for command in (["check"], ["format", "--check"]):
        project.run(sys.executable, "-m", "ruff", *command, "--no-cache")


def test_tools_agree(variant: Answers, render: Render, rendered: Rendered, record_property: Record) -> None:
    """Cookiecutter and copier render the same, whatever is chosen, and nothing is empty, broken or left of the template."""
    one, other = render("cookiecutter", **variant), rendered(variant)

    assert_same(one, other)
    assert_whole(one)
    assert expected_files(variant) == set(one.files())
    assert [] == traces(one)
    assert answers_file(one) == answers_file(other)
    assert variant.items() <= answers_kept(one).items()
    record_property("rendered", name_of(variant))


def traces(project: Project) -> list[tuple[str, str]]:
    """What is left of the template in a project: its tool's name, a tag that was not rendered."""
    tag = re.compile(r"cookiecutter|(?<!\$)\{\{|\{%|\{#|_copier", re.IGNORECASE)
    return [
        (name, found) for name, content in project.files().items() for found in tag.findall(content.decode(encoding="utf-8"))
    ]


def answers_file(project: Project) -> str:
    """The text of a project's answers file."""
    return project.folder.joinpath(ANSWERS_FILE).read_text(encoding="utf-8")


def answers_kept(project: Project) -> Answers:
    """The answers in a project's answers file."""
    kept = yaml.safe_load(answers_file(project))
    return {question: kept[question] for question in QUESTIONS}


def expected_files(answers: Answers) -> set[str]:
    """The files that a project with these answers has, said a second time in files.toml."""
    chosen = {f"{question} = {answer}" for question, answer in answers.items()}
    return {*FILES["always"], *(name for name, reasons in FILES["with"].items() if chosen & set(reasons))}


@pytest.mark.parametrize("question", [question for question, offered in SUPPORTED.items() if len(offered) > 1])
def test_every_answer_makes_a_difference(question: str, render: Render) -> None:
    """No two answers to a question give the same project, and any two differ in more than one file."""
    projects = [render("cookiecutter", **DEFAULTS | {question: answer}).files() for answer in SUPPORTED[question]]

    for one, other in combinations(projects, 2):
        assert 1 < len([name for name in one.keys() | other.keys() if one.get(name) != other.get(name)])


@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_renders_are_equal(tool: str, render: Render) -> None:
    """The same answers give the same project, today and tomorrow."""
    assert_same(render(tool), render(tool))


@pytest.mark.parametrize("license_", LICENSES)
def test_license_is_what_was_chosen(license_: str, render: Render) -> None:
    """There is one licence file; it names its holder and no year, and the metadata names the licence."""
    project = render("copier", license=license_, author_name="Grace Hopper")
    text = project.folder.joinpath("LICENSE").read_text(encoding="utf-8")
    metadata = tomllib.loads(project.folder.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert "Grace Hopper" in text
    assert not re.search(r"Copyright.*\b(19|20)\d\d\b", text)
    assert license_ in metadata["license"]
    assert ["LICENSE"] == metadata["license-files"]


def test_longest_names_fit(render: Render) -> None:
    """With the longest names that are accepted no path is too long, and no line of code is."""
    project = render("copier", project_name="x" * 40)

    assert "x" * 40 in {path.name for path in project.folder.joinpath("src").iterdir()}
    assert_whole(project)
    assert_clean(project)
