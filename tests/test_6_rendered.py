"""A project just rendered is clean before anybody has touched it, and its words mean something."""

import re

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
