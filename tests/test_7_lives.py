"""A project lives: it is installed, checked, tested, trained and asked, as its owner would."""

import pytest
from commands import commit, git
from conftest import Render
from test_4_hostile import HOSTILE
from variants import DEFAULTS, Answers, each_answer, name_of

OTHERS = [answers for answers in each_answer() if name_of(answers) != "default"]


@pytest.mark.slow
@pytest.mark.parametrize("answers", OTHERS, ids=name_of)
def test_variant_trains_and_answers(answers: Answers, render: Render) -> None:
    """A variant's own tests pass, its pipeline runs to the end, and it answers a request."""
    project = render("copier", **answers)
    project.make("test")
    project.make("run")

    assert "{" in project.make("predict")


@pytest.mark.slow
def test_default_project_lives(render: Render) -> None:
    """With nothing but what its own pyproject.toml declares, the default project installs, passes, trains and answers.

    Its hooks find nothing to change, and none of it leaves a file that git would want.
    """
    project = render("cookiecutter", **DEFAULTS)
    commit(project.folder)
    project.run("make", "install")
    git(project.folder, "add", "uv.lock")
    project.run("make", "check", "test", "run")
    predicted = project.run("make", "predict")
    project.run(str(project.folder / ".venv" / "bin" / "pre-commit"), "run", "--all-files")

    assert "{" in predicted
    assert "A  uv.lock" == git(project.folder, "status", "--porcelain")


@pytest.mark.slow
def test_hostile_project_installs(render: Render) -> None:
    """A project with a name, description and author that break other templates is built, installed and checked as any other."""
    text = "".join(HOSTILE[kind] for kind in ("double-quotes", "backslashes", "expression", "emoji", "comment"))
    project = render(
        "copier", project_name=HOSTILE["markup"], description=text, author_name=text[:100].strip(), project_slug="next-pick"
    )
    project.run("make", "install", "check")

    assert "usage" in project.run(".venv/bin/next-pick", "--help").lower()
