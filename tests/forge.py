"""What lies outside a workflow, on this machine: a repository to clone from and push to, a cache, artifacts, issues.

Jobs are run in clones of a bare repository, in which the libraries of this process stand for `make install`. Programs that
would reach out (docker, gh, curl, apk) are tests/fake_commands.py: they check their words, and note what they were asked for.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import commit, git
from project import Project, write_script
from variants import Answers

FAKES = Path(__file__).with_name("fake_commands.py")
NAMES = ("apk", "curl", "docker", "gh")
SECONDS = 300
MAY_PUSH = """#!/bin/sh
case "$FORGE_MAY" in *contents:write*) exit 0 ;; esac
echo "this job may not push: $FORGE_MAY" >&2
exit 1
"""
OPTIONS = """#!/bin/sh
env | sed -n 's/^GIT_PUSH_OPTION_[0-9]*=//p' >>"$FORGE/push-options"
"""


class UnknownHere(Exception):
    """A workflow uses what this harness does not know, and would run it otherwise than its service does."""


@dataclass
class Job:
    """How a job ended: success, failure or skipped; what it printed, what it gave others, and the steps that ran."""

    result: str
    printed: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Forge:
    """A service's stand-in in a folder; `variables` and `secrets` are what an owner has set there."""

    folder: Path
    answers: Answers
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)  # of a step's environment, by the tests

    @classmethod
    def of(cls, project: Project, folder: Path) -> "Forge":
        """A service that has a project's files, committed on main."""
        made = cls(folder, project.answers)
        commit(project.folder)
        folder.mkdir(parents=True)
        git(folder, "clone", "--quiet", "--bare", str(project.folder), str(made.origin))
        git(made.origin, "config", "receive.advertisePushOptions", "true")
        git(made.origin, "config", "http.receivepack", "true")
        write_script(made.origin / "hooks" / "pre-receive", MAY_PUSH)
        write_script(made.origin / "hooks" / "post-receive", OPTIONS)
        for name in NAMES:
            write_script(folder / "fakes" / name, f'#!/bin/sh\nexec {sys.executable} {FAKES} {name} "$@"\n')
        return made

    @property
    def origin(self) -> Path:
        """The bare repository."""
        return self.folder / "origin.git"

    def calls(self, *words: str) -> list[list[str]]:
        """What the programs that would reach out were asked for, of what begins with these words."""
        noted = self.folder / "calls.jsonl"
        lines = noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []
        return [call for call in map(json.loads, lines) if call[: len(words)] == list(words)]

    def kept(self, what: str) -> Any:
        """What a service has kept: pulls, issues or labels."""
        path = self.folder / f"{what}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def edit(self, files: Mapping[str, str | None], tag: str = "") -> None:
        """Commit other contents of files on main, as their owner would, and tag that; None deletes a file."""
        with_owner = self.clone("main", self.folder / "owner", depth=0)
        for name, text in files.items():
            path = with_owner / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True) if text is None else path.write_text(text, encoding="utf-8")
        commit(with_owner, tag)
        self.push(with_owner, "main", *([tag] if tag else []))

    def merge(self, branch: str) -> None:
        """Merge a branch into main, as its owner would."""
        with_owner = self.clone("main", self.folder / "owner", depth=0)
        git(with_owner, "merge", "--quiet", "--no-edit", f"origin/{branch}")
        self.push(with_owner, "main")

    def push(self, folder: Path, *refs: str) -> None:
        """Push from a folder, as its owner may."""
        env = os.environ | {"FORGE_MAY": "contents:write", "FORGE": str(self.folder)}
        subprocess.run(["git", "push", "--quiet", "origin", *refs], cwd=folder, env=env, check=True, capture_output=True)

    def clone(self, ref: str, folder: Path, depth: int) -> Path:
        """A clone as a job has it: of the last commits and no tag but its own, or of everything if the depth is 0."""
        if folder.exists():
            shutil.rmtree(folder)
        shallow = ["--depth", str(depth), "--no-tags"] if depth else []
        git(self.folder, "clone", "--quiet", *shallow, "--branch", ref, self.origin.as_uri(), str(folder))
        return folder

    def environment(self, clone: Path, may: Iterable[str]) -> dict[str, str]:
        """What a step finds in a job's clone: libraries instead of an installation, and programs that only take notes."""
        env = Project(clone, self.answers).as_if_installed()
        home = clone.parent / "home"
        home.mkdir(exist_ok=True)
        told = {"FORGE": str(self.folder), "FORGE_MAY": " ".join(sorted(may)), "HOME": str(home), "CI": "true"}
        return env | told | self.given | {"PATH": f"{self.folder / 'fakes'}{os.pathsep}{env['PATH']}"}

    def store(self, what: str, key: str, paths: Iterable[str], clone: Path) -> list[str]:
        """Keep paths of a clone under a key; those that there are."""
        place = self.folder / what / key
        kept = [path for path in paths if resolved(path, clone).exists()]
        for path in kept:
            copy(resolved(path, clone), place / path.replace("~", "home"))
        place.mkdir(parents=True, exist_ok=True)
        return kept

    def fetch(self, what: str, key: str, clone: Path) -> bool:
        """Put what is kept under a key into a clone; whether there is any."""
        place = self.folder / what / key
        if not place.exists():
            return False
        shutil.copytree(place, clone, dirs_exist_ok=True)
        return True


def resolved(path: str, clone: Path) -> Path:
    """Where a path of a workflow lies: in the clone, or in the home of its job."""
    return clone.parent / "home" / path[2:] if path.startswith("~/") else clone / path


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, times included: of models, the newest are kept."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def shell(script: str, folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a block as both services do, by bash that stops at the first failure, in a pipe too; its status, what it printed."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    out = subprocess.PIPE
    with subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            printed, _ = running.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    return running.returncode, f"$ {script}\n{printed}"


def only(found: Iterable[object], known: Iterable[str], where: str) -> None:
    """See that a workflow says nothing that is not known here.

    Raises:
        UnknownHere: It does.
    """
    if unknown := {str(name) for name in found} - set(known):
        raise UnknownHere(f"{where} says {', '.join(sorted(unknown))}; known here are {', '.join(sorted(known))}")
