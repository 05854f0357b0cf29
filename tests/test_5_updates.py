"""A project follows its template, whichever tool made it, and what its owner wrote stays as it is."""

import os
import re
import sys
from pathlib import Path

import pytest
from commands import at_a_terminal, attempt, commit, git, succeed
from conftest import Render
from history import History, also, kept
from mutants import TREE
from project import ANSWERS_FILE, Project

NEWER = (
    *((f"{TREE}/{name}", also("\n# newer\n")) for name in (".editorconfig", "settings.toml")),
    (f"{TREE}/NEWS", also("New in this release.\n")),
)


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


@pytest.mark.parametrize("where", ["{folder}", "git+file://{folder}"], ids=["folder", "url"])
@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_project_follows_its_template(tool: str, where: str, history: History, tmp_path: Path) -> None:
    """`copier update` brings a project to the next release, keeps the owner's edits, and needs no trust."""
    project = make(tool, where.format(folder=history.folder), tmp_path / "made")
    (project.folder / "settings.toml").write_text("seed = 8 # the owner's\n")
    (project.folder / "LICENSE").unlink()
    commit(project.folder)

    history.go_on("v0.2.0", NEWER)
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
    history.go_on("v0.2.0", NEWER)
    tmp_path.joinpath("made").mkdir()
    command = ["cookiecutter", "--no-input", "--checkout", "v0.1.0", f"git+file://{history.folder}"]
    succeed(command, tmp_path / "made")
    project = Project(tmp_path / "made" / "next-pick", {})

    assert "v0.1.0" == kept(project)["_commit"]
    assert not (project.folder / "NEWS").exists()


def test_cookiecutter_takes_no_state_between_releases(history: History, tmp_path: Path) -> None:
    """From a URL cookiecutter would take the default branch: between two releases that is refused, and the newest is named."""
    (history.folder / "notes.md").write_text("Unreleased.\n")
    commit(history.folder)
    url = f"git+file://{history.folder}"
    ran = attempt(["cookiecutter", "--no-input", url], tmp_path)

    assert 0 != ran.returncode
    assert "the template is between two releases (v0.1.0-1-g" in ran.stderr
    assert "add --checkout v0.1.0, which is the newest." in ran.stderr
    assert not (tmp_path / "next-pick").exists()

    succeed(["cookiecutter", "--no-input", url, "--checkout", "v0.1.0"], tmp_path)

    assert "v0.1.0" == kept(Project(tmp_path / "next-pick", {}))["_commit"]


def test_template_at_work_is_taken_as_it_is(history: History, tmp_path: Path) -> None:
    """From a folder, cookiecutter takes what stands there; the next release brings such a project on its way again."""
    (history.folder / TREE / "draft.md").write_text("Unreleased.\n")
    commit(history.folder)
    project = make("cookiecutter", str(history.folder), tmp_path / "made")

    assert kept(project)["_commit"].startswith("v0.1.0-1-g")
    assert (project.folder / "draft.md").exists()

    history.go_on("v0.2.0", NEWER)
    project.run(sys.executable, "-m", "copier", "update", "--defaults")

    assert "v0.2.0" == kept(project)["_commit"]
    assert (project.folder / "NEWS").exists()


THEIRS = {
    ".gitignore": "*.csv\n",
    "README.md": "# Ours\n",
    "pyproject.toml": '[project]\nname = "ours"\nversion = "3.1.4"\n',
    "src/ours/__init__.py": '"""Ours."""\n',
    "src/ours/prices.py": "PRICE = 3\n",
}


def test_repository_adopts_the_template(history: History, render: Render, tmp_path: Path) -> None:
    """As the README tells: what was there is in git, or stays as it was, and the next update goes round it."""
    project = Project(tmp_path / "ours", {})
    for name, text in THEIRS.items():
        (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / name).write_text(text)
    commit(project.folder)
    names = {"project_name": "Ours"}
    words = ["copier", "copy", "--defaults", "--data", "project_name=Ours", str(history.folder), "."]
    stopped = attempt(words, project.folder)

    assert "--overwrite" in stopped.stderr
    assert THEIRS == {name: (project.folder / name).read_text() for name in THEIRS}

    git(project.folder, "clean", "--force", "-d", "--quiet")
    succeed([*words, "--overwrite"], project.folder)
    fresh = render("copier", **names).files()
    now = project.files()
    stay = {"README.md", "src/ours/__init__.py", "src/ours/prices.py"}

    assert stay == {name for name, text in THEIRS.items() if now[name] == text.encode()}
    assert {".gitignore", "pyproject.toml"} == set(git(project.folder, "diff", "--name-only").split())
    assert [] == [name for name in fresh if name not in stay and fresh[name] != now[name]]
    assert "-*.csv" in git(project.folder, "diff")

    with (project.folder / ".gitignore").open("a") as file:
        file.write("*.csv\n")
    commit(project.folder)
    history.go_on("v0.2.0", NEWER)
    project.run(sys.executable, "-m", "copier", "update", "--defaults")

    assert (project.folder / "NEWS").exists()
    assert (project.folder / ".gitignore").read_text().endswith("*.csv\n")
    assert stay == {name for name in THEIRS if (project.folder / name).read_text() == THEIRS[name]}


def test_owner_who_keeps_a_file_keeps_it(history: History, tmp_path: Path) -> None:
    """Without --overwrite copier asks, file by file; what its owner keeps is as it was, and an update leaves it so."""
    project = Project(tmp_path / "ours", {})
    project.folder.mkdir()
    for name in (".gitignore", "README.md", "pyproject.toml"):
        (project.folder / name).write_text(THEIRS[name])
    commit(project.folder)
    command = f"{sys.executable} -m copier copy --defaults {history.folder} ."
    shown = at_a_terminal(command, project.folder, {}, press=b"n")

    mine = {name: THEIRS[name] for name in (".gitignore", "README.md", "pyproject.toml")}

    assert {".gitignore", "pyproject.toml"} == set(re.findall(r"Overwrite (\S+)\?", shown))
    assert mine == {name: (project.folder / name).read_text() for name in mine}
    assert (project.folder / "Makefile").exists()

    commit(project.folder)
    history.go_on("v0.2.0", NEWER)
    project.run(sys.executable, "-m", "copier", "update", "--defaults")

    assert mine == {name: (project.folder / name).read_text() for name in mine}
    assert (project.folder / "NEWS").exists()


def test_changed_answer_changes_the_project(history: History, render: Render, tmp_path: Path) -> None:
    """An answer changed by `copier update` gives the project that would have been made with it."""
    project = make("cookiecutter", str(history.folder), tmp_path / "made")
    project.run(sys.executable, "-m", "copier", "update", "--defaults", "--data", "license=Apache-2.0")

    assert project.files() == render("copier", license="Apache-2.0").files()
