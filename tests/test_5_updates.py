"""A project follows its template, whichever tool made it, and what its owner wrote stays as it is."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from commands import commit, git, succeed
from conftest import Render
from project import ANSWERS_FILE, Project

TREE = "{{cookiecutter.project_slug}}"


@dataclass(frozen=True)
class History:
    """A clone of the template that has two releases; the second changes files of the template's and of the owner's."""

    folder: Path

    @classmethod
    def begin(cls, template: Path, folder: Path) -> "History":
        """Release the template as it is."""
        shutil.copytree(template, folder)
        commit(folder, "v0.1.0")
        return cls(folder)

    def go_on(self) -> None:
        """Release a change of a file of the template's, of one of the owner's, and a new file."""
        for name in (".editorconfig", "settings.toml"):
            path = self.folder / TREE / name
            path.write_text(path.read_text(encoding="utf-8") + "\n# newer\n", encoding="utf-8")
        (self.folder / TREE / "NEWS").write_text("New in this release.\n")
        commit(self.folder, "v0.2.0")


@pytest.fixture
def history(template: Path, tmp_path: Path) -> History:
    """A template at its first release."""
    return History.begin(template, tmp_path / "history")


def make(tool: str, source: str, folder: Path) -> Project:
    """Make a project with a tool's own command, as users do, and commit it."""
    folder.mkdir()
    command = {
        "cookiecutter": ["cookiecutter", "--no-input", source],
        "copier": ["copier", "copy", "--defaults", source, "next-pick"],
    }
    succeed(command[tool], folder)
    project = Project(folder / "next-pick", {})
    commit(project.folder)
    return project


def kept(project: Project) -> dict[str, str]:
    """What the answers file says."""
    answers: dict[str, str] = yaml.safe_load(project.folder.joinpath(ANSWERS_FILE).read_text(encoding="utf-8"))
    return answers


@pytest.mark.parametrize("where", ["{folder}", "git+file://{folder}"], ids=["folder", "url"])
@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_project_follows_its_template(tool: str, where: str, history: History, tmp_path: Path) -> None:
    """`copier update` brings a project to the next release, keeps the owner's edits, and needs no trust."""
    project = make(tool, where.format(folder=history.folder), tmp_path / "made")
    (project.folder / "settings.toml").write_text("seed = 8 # the owner's\n")
    (project.folder / "LICENSE").unlink()
    commit(project.folder)

    history.go_on()
    project.run(sys.executable, "-m", "copier", "update", "--defaults")
    changed = set(git(project.folder, "status", "--porcelain").split()[1::2])

    assert "v0.2.0" == kept(project)["_commit"]
    assert {ANSWERS_FILE, ".editorconfig", "NEWS"} == changed
    assert "seed = 8 # the owner's\n" == (project.folder / "settings.toml").read_text()
    assert (project.folder / ".editorconfig").read_text().endswith("\n# newer\n")
    assert not (project.folder / "LICENSE").exists()


@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_answers_file_says_where_from(tool: str, history: History, tmp_path: Path) -> None:
    """The answers file names the template and its release, whichever tool wrote it."""
    project = make(tool, str(history.folder), tmp_path / "made")

    assert str(history.folder) == kept(project)["_src_path"]
    assert "v0.1.0" == kept(project)["_commit"]


@pytest.mark.parametrize("output", ["", "made"])
def test_relative_template_is_found_again(
    output: str, history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template given as a relative path is remembered as the folder that it was, wherever the project was put."""
    start = tmp_path / "start"
    start.mkdir()
    monkeypatch.setenv("PWD", str(start))  # as a shell sets it
    place = tmp_path / output if output else start
    succeed(["cookiecutter", "--no-input", "--output-dir", str(place), os.path.relpath(history.folder, start)], start)

    assert str(history.folder) == kept(Project(place / "next-pick", {}))["_src_path"]


def test_release_is_the_one_asked_for(history: History, tmp_path: Path) -> None:
    """A project made from an older release by `--checkout` says so."""
    history.go_on()
    tmp_path.joinpath("made").mkdir()
    command = ["cookiecutter", "--no-input", "--checkout", "v0.1.0", f"git+file://{history.folder}"]
    succeed(command, tmp_path / "made")
    project = Project(tmp_path / "made" / "next-pick", {})

    assert "v0.1.0" == kept(project)["_commit"]
    assert not (project.folder / "NEWS").exists()


def test_changed_answer_changes_the_project(history: History, render: Render, tmp_path: Path) -> None:
    """An answer changed by `copier update` gives the project that would have been made with it."""
    project = make("cookiecutter", str(history.folder), tmp_path / "made")
    project.run(sys.executable, "-m", "copier", "update", "--defaults", "--data", "license=Apache-2.0")

    assert project.files() == render("copier", license="Apache-2.0").files()
