"""A project just rendered is clean before anybody has touched it, and its words mean something."""

import ast
import re
from statistics import median

import pytest
from conftest import Render
from project import Project
from variants import each_pair, name_of


def targets(project: Project) -> set[str]:
    """The targets of a project's Makefile that its owner is told of."""
    return set(re.findall(r"^([a-z-]+):.*##", project.folder.joinpath("Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("answers", each_pair(), ids=name_of)
def test_check_finds_nothing(answers: dict[str, str], render: Render) -> None:
    """`make check` passes (lint, formatting, types, import contract, declared dependencies) and changes nothing."""
    project = render("copier", **answers)
    before = project.files()
    project.make("check")

    assert before == project.files()


@pytest.mark.parametrize("answers", each_pair(), ids=name_of)
def test_targets_exist(answers: dict[str, str], render: Render) -> None:
    """Each `make` target that the README, the hooks or a workflow names is one of the Makefile's."""
    project = render("copier", **answers)
    named = {
        target
        for name, content in project.files().items()
        if name.endswith((".md", ".yml", ".yaml", "Dockerfile"))
        for words in re.findall(r"(?:^|[`$&|:]\s*|run:\s*)make((?: [a-z-]+)+)", content.decode(), re.MULTILINE)
        for target in words.split()
    }

    assert {"install", "check", "test", "run", "predict", "score"} <= targets(project)
    assert set() == named - targets(project)


def test_help_lists_the_targets(render: Render) -> None:
    """`make` alone prints each target with what it does."""
    project = render("copier")
    printed = project.run("make")

    assert [] == [target for target in targets(project) if target not in printed]


def test_default_project_stays_small(render: Render) -> None:
    """At most 2,500 lines of code under src; half of the files have at most 100 lines, none more than 250."""
    project = render("copier")
    texts = [text.decode() for name, text in project.files().items() if re.fullmatch(r"src/.*\.py", name)]
    lengths = [len(text.splitlines()) for text in texts]

    assert max(lengths) <= 250
    assert median(lengths) <= 100
    assert sum(lines_of_code(text) for text in texts) <= 2500


def lines_of_code(text: str) -> int:
    """Lines that hold code: neither blank, nor a comment, nor part of a docstring."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            documented |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(number not in documented and bool(line.strip()) and not line.strip().startswith("#") for number, line in lines)


@pytest.mark.parametrize("serving", ["api", "batch"])
def test_image_is_made_of_what_there_is(serving: str, render: Render) -> None:
    """What the Dockerfile copies exists once `make install` has written the lock; its entry point is the project's command."""
    project = render("copier", serving=serving)
    lines = (project.folder / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    entries = {line for line in lines if line.startswith("ENTRYPOINT")}
    ignored = (project.folder / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert {"uv.lock"} == {name for name in copied if not (project.folder / name).exists()}
    assert {'ENTRYPOINT ["/app/.venv/bin/next-pick"]'} == entries
    assert copied == {line.removeprefix("!") for line in ignored if line.startswith("!")}
