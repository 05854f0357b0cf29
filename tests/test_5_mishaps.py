"""A render that can't be done or is cut short says so, and costs nobody a file."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import attempt, ctrl_c_heeded, succeed
from conftest import Render
from project import ANSWERS_FILE, Project

TREE = "{{cookiecutter.project_slug}}"
SLOW = "# {% for i in range(99999) %}# {% for j in range(99999) %}# {% endfor %}# {% endfor %}\n"
SECONDS_TO_BEGIN = 20


def command(tool: str, template: Path, *options: str) -> list[str]:
    """What a user types to render a default project into ./next-pick."""
    words = {
        "cookiecutter": ["cookiecutter", "--no-input", *options, str(template)],
        "copier": ["copier", "copy", "--defaults", *options, str(template), "next-pick"],
    }
    return words[tool]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_folder_that_exists_is_left_alone(tool: str, template: Path, tmp_path: Path) -> None:
    """In a folder with a file of the same name both tools stop without having changed any file that was there."""
    mine = tmp_path / "next-pick"
    mine.mkdir()
    before = {"pyproject.toml": b"[project]\nname = 'mine'\n", "README.md": b"Mine.\n", "notes.txt": b"Mine as well.\n"}
    for name, content in before.items():
        (mine / name).write_bytes(content)
    ran = attempt(command(tool, template), tmp_path)

    assert 0 != ran.returncode
    assert {"cookiecutter": "already exists", "copier": "--overwrite"}[tool] in ran.stdout + ran.stderr
    assert before.items() <= contents(mine).items()


@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_place_that_can_not_be_written(tool: str, template: Path, tmp_path: Path) -> None:
    """Where a file stands in the way of the folder, the error names it, and the file stays."""
    (tmp_path / "next-pick").write_text("Mine.\n")
    ran = attempt(command(tool, template), tmp_path)

    assert 0 != ran.returncode
    assert "next-pick" in ran.stdout + ran.stderr
    assert {"next-pick": b"Mine.\n"} == contents(tmp_path)


@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_file_system_that_can_not_be_written(tool: str, template: Path, tmp_path: Path) -> None:
    """On a file system that takes no files, even from root, both tools fail and name the place."""
    target = "/proc/self/fdinfo"
    words = {
        "cookiecutter": ["cookiecutter", "--no-input", "--output-dir", target, str(template)],
        "copier": ["copier", "copy", "--defaults", str(template), f"{target}/next-pick"],
    }
    ran = attempt(words[tool], tmp_path)

    assert 0 != ran.returncode
    assert target in ran.stdout + ran.stderr
    assert {} == contents(tmp_path)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
@pytest.mark.parametrize("tool", ["cookiecutter", "copier"])
def test_interrupted_render_is_finished_by_the_next(
    tool: str, how: signal.Signals, template: Path, render: Render, tmp_path: Path
) -> None:
    """A render cut short leaves whole files, and the same command, told to overwrite, makes of them what it would have made."""
    whole = render(tool)
    place = tmp_path / "place"
    place.mkdir()
    (place / "notes.txt").write_text("Mine.\n")
    slow = shutil.copytree(template, tmp_path / "slow")
    (slow / TREE / "docs").mkdir(exist_ok=True)
    (slow / TREE / "docs" / "slow.md").write_text(SLOW)

    interrupt(command(tool, slow), place, how)
    left = Project(place / "next-pick", {})

    assert left.files().items() <= whole.files().items()
    assert "Mine.\n" == (place / "notes.txt").read_text()
    assert tool == "copier" or not (left.folder / ANSWERS_FILE).exists()

    again = {"cookiecutter": "--overwrite-if-exists", "copier": "--overwrite"}[tool]
    succeed(command(tool, template, again), place)

    assert left.files() == whole.files()
    assert (left.folder / ANSWERS_FILE).exists()


def interrupt(words: list[str], place: Path, how: signal.Signals) -> None:
    """Start a render, and stop it once it has made the project's folder and hangs at the slow file."""
    with ctrl_c_heeded():
        running = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    deadline = time.monotonic() + SECONDS_TO_BEGIN
    while not (place / "next-pick" / "docs").exists():
        assert time.monotonic() < deadline, "the render did not begin"
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(how)

    assert 0 != running.wait(timeout=SECONDS_TO_BEGIN)
