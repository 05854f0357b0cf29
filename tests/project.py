"""A project rendered from the template, by either tool, and used as its owner would use it."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import copier
import forks
from cookiecutter.main import cookiecutter
from copier._main import Worker
from jinja2 import Environment
from variants import DEFAULTS, QUESTIONS, Answers

ANSWERS_FILE = ".copier-answers.yml"
# By a project that runs, or by its tests.
PAGES = (
    "docs/ci.md",
    "docs/code.md",
    "docs/index.md",
    "docs/patterns/",
    "docs/reference.md",
    "docs/runbook.md",
    "docs/site.css",
    "docs/tutorial.md",
)
EDITORS = (".devcontainer/", ".editorconfig", ".vscode/", "AGENTS.md")
CI = (".github/", ".gitlab", "ci.mk", "renovate.json")
NEVER_READ = (".gitignore", "CHANGELOG.md", "LICENSE", "zensical.toml", *CI, *EDITORS, *PAGES)
FEAST = Path(sys.prefix) / "feast" / "bin" / "python"
UV = """#!/bin/sh
case "$1 $2" in
  "run "*) shift && exec "$@" ;;
  "sync "*) exit 0 ;; # all is in place that it is asked to install
  "tool run") tool="${3%%[<>=]*}" && shift 3 && exec "$tool" "$@" ;;
esac
echo "no word of uv that is known here: $*" >&2
exit 2
"""
MADE_BY_TOOLS = {".git", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache"}


def command_that_makes(answers: Answers) -> str:
    """What to type in the template's folder to get a project with these answers, and to run it."""
    given = [f"{question}={answer}" for question, answer in answers.items() if DEFAULTS.get(question) != answer]
    return "rm -rf variant; " + shlex.join(["make", "variant", *([f"ANSWERS={shlex.join(given)}"] if given else [])])


def as_typed(answer: str) -> str:
    """An answer for `cookiecutter --no-input`, which renders what it is given, that renders to what a user would have typed."""
    if "{{" not in answer and "# {" not in answer:
        return answer
    return "{{ " + json.dumps(answer, ensure_ascii=False) + " }}"


def with_cookiecutter(template: Path, answers: Answers, folder: Path) -> Path:
    """Render in this process; returns the project's folder."""
    config = folder / "cookiecutter.yml"
    config.write_text(json.dumps({"replay_dir": str(folder / "replay"), "cookiecutters_dir": str(folder / "clones")}))
    context = {question: as_typed(answer) for question, answer in answers.items()}
    made = cookiecutter(str(template), no_input=True, extra_context=context, output_dir=str(folder), config_file=str(config))
    return Path(made)


def with_copier(template: Path, answers: Answers, folder: Path) -> Path:
    """Render in this process; returns the project's folder.

    After each file copier asks git whether it keeps permissions there. A folder that is no repository has no answer, and
    starting git for each of 300 files takes longer than all else.
    """
    project = folder / "project"
    with patch.object(Worker, "_sync_git_index_executable_bit"):
        copier.run_copy(str(template), project, data=answers, defaults=True, quiet=True)
    return project


@contextmanager
def compiled_once() -> Iterator[None]:
    """Jinja compiles a text once in this process: variants share nearly all of theirs, and it takes half of a render."""
    compiles, compiled = Environment.compile, dict[object, Any]()

    def once(self: Environment, source: Any, name: Any = None, filename: Any = None, **how: Any) -> Any:
        settings = [self.block_start_string, self.comment_start_string, self.trim_blocks, self.lstrip_blocks]
        key = (
            type(self),
            *settings,
            self.keep_trailing_newline,
            *sorted(self.extensions),
            source,
            name,
            filename,
            *how.items(),
        )
        if key not in compiled:
            compiled[key] = compiles(self, source, name, filename, **how)
        return compiled[key]

    with patch.object(Environment, "compile", once):
        yield


TOOLS: dict[str, Callable[[Path, Answers, Path], Path]] = {"cookiecutter": with_cookiecutter, "copier": with_copier}


class CommandFailed(AssertionError):
    """A command that an owner would type has failed; says how to get there again."""


@dataclass(frozen=True)
class Project:
    """A rendered project: where it is, and the answers that were given."""

    folder: Path
    answers: Answers

    @classmethod
    def render(cls, tool: str, template: Path, answers: Answers, folder: Path) -> "Project":
        """Render the template below `folder`; an answer to no question is an error here, if not to the tools."""
        if unknown := answers.keys() - set(QUESTIONS):
            raise KeyError(f"no such question: {', '.join(sorted(unknown))}; the questions are {', '.join(QUESTIONS)}")
        folder.mkdir(parents=True, exist_ok=True)
        return cls(TOOLS[tool](template, answers, folder), answers)

    @property
    def package(self) -> str:
        """The name of its package, which is its command as a module."""
        return next((self.folder / "src").glob("*/__init__.py")).parent.name

    def files(self) -> dict[str, bytes]:
        """What was rendered, by path; what tools made later is left out, and so is the answers file."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != ANSWERS_FILE and not MADE_BY_TOOLS & set(path.parts)
        }

    def edit_settings(self, *changes: tuple[str, str]) -> None:
        """Change what settings.toml says, as its owner would: a pattern that is there, and what is to stand in its place."""
        path = self.folder / "settings.toml"
        text = path.read_text(encoding="utf-8")
        for before, after in changes:
            text, count = re.subn(before, after, text, flags=re.MULTILINE)
            assert count, f"settings.toml has no {before!r}"
        path.write_text(text, encoding="utf-8")

    def modes(self) -> dict[str, int]:
        """The permissions of files and folders, by path."""
        return {path.relative_to(self.folder).as_posix(): path.stat().st_mode for path in sorted(self.folder.rglob("*"))}

    def run(self, *command: str, env: Mapping[str, str] | None = None, timeout: float = 900) -> str:
        """Run a command in the project, as its owner would; returns what it printed.

        Raises:
            CommandFailed: The exit status isn't 0; the message holds the output and how to reproduce it.
        """
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=owners_environment() | dict(env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            try:
                printed, _ = running.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                printed, _ = running.communicate()
        if running.returncode:
            raise self.failed(running.returncode, command, printed)
        return printed

    def runtime(self) -> dict[str, bytes]:
        """The files that can change what the project does: all but those that nothing reads when it runs, the licence aside."""
        files = {name: content for name, content in self.files().items() if not name.startswith(NEVER_READ)}
        lines = files["pyproject.toml"].splitlines(keepends=True)
        return files | {"pyproject.toml": b"".join(line for line in lines if not line.startswith(b"license"))}

    @property
    def python(self) -> Path:
        """The interpreter that has the libraries it needs: Feast's forbid pandas 3, and have an environment of their own."""
        return FEAST if self.answers.get("feature_store") == "feast" else forks.PYTHON

    def warm(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Run a Python module's command in a fork that has the libraries already, if any has; returns what it printed.

        Raises:
            CommandFailed: As `run` does.
        """
        said = self.folder.parent / "said.txt"
        status = forks.run([*words], self.folder, self.environment() | dict(env or {}), said, python=self.python)
        printed = said.read_text(encoding="utf-8", errors="replace")
        if status:
            raise self.failed(status, ["python", "-m", *words], printed)
        return printed

    def environment(self) -> dict[str, str]:
        """What a process finds that is to run this project without having it installed."""
        return owners_environment() | {"PYTHONPATH": str(self.folder / "src")}

    def failed(self, status: int, command: Sequence[str], printed: str) -> CommandFailed:
        """The error that says how to get there again."""
        typed = f"{command_that_makes(self.answers)}; cd variant; PATH=$PWD/.venv/bin:$PATH {shlex.join(command)}"
        return CommandFailed(f"exit status {status} of\n  {typed}\n{printed}")

    def make(self, *targets: str) -> str:
        """Run `make` in the project with this process's libraries in place of its own `.venv`, which takes a minute to make."""
        return self.with_libraries("make", *targets)

    def with_libraries(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """Run a command where this process's libraries are found, and the project's own command, as if it were installed."""
        return self.run(*command, env=self.as_if_installed() | dict(env or {}))

    def as_if_installed(self) -> dict[str, str]:
        """The environment of such a command: a `uv` that installs nothing and only runs its words comes first on the PATH."""
        stand_ins = self.folder.parent / "stand-ins"
        pyproject = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))
        write_script(stand_ins / "uv", UV)
        for name, target in pyproject["project"]["scripts"].items():
            module, _, function = target.partition(":")
            write_script(stand_ins / name, f"#!{self.python}\nfrom {module} import {function}\n{function}()\n")
        path = os.pathsep.join(
            [str(stand_ins), *map(str, dict.fromkeys((self.python.parent, forks.PYTHON.parent))), os.environ["PATH"]]
        )
        return self.environment() | {"PATH": path}


def write_script(path: Path, text: str) -> None:
    """Write a file that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def owners_environment() -> dict[str, str]:
    """This process's environment without what a test run adds to it."""
    added = ("PYTEST_", "COV_", "OMP_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(added)}
