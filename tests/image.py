"""A project's Dockerfile carried out without Docker: a folder for a target, with the files and the environment of its image."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from project import Project

APP = "/app"
# Nothing is to be done for these here: there is a uv, and somebody who may write.
NEEDLESS = ("FROM ", "RUN pip install ", f"WORKDIR {APP}", "ARG EXTRAS=", "USER 10001", "EXPOSE ")


@dataclass(frozen=True)
class Image:
    """What a target has: its folder, which is /app there, the environment of its processes, its entry point and its default."""

    folder: Path
    environment: dict[str, str]
    entry: list[str]
    default: list[str]

    def run(self, *words: str) -> str:
        """Run the entry point with these words, as `docker run IMAGE WORDS` does; returns what it printed."""
        command = [*(word.replace(f"{APP}/", f"{self.folder}/") for word in self.entry), *(words or self.default)]
        # Compiled once, where the image has them compiled already; else every process would compile the libraries anew.
        env = {"PATH": os.defpath, "HOME": str(self.folder.parent)} | self.environment | {"PYTHONDONTWRITEBYTECODE": ""}
        ran = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=600)
        assert 0 == ran.returncode, f"{command}\n{ran.stdout}{ran.stderr}"
        return ran.stdout


def instructions(project: Project) -> dict[str, list[str]]:
    """The instructions of a Dockerfile by target, those of the targets that it stands on included."""
    text = re.sub(r"^#.*\n", "", (project.folder / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    targets: dict[str, list[str]] = {}
    for stage in re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]:
        first, *lines = [line for line in stage.splitlines() if line.strip()]
        origin, _, name = first.partition(" AS ")
        targets[name] = [*targets.get(origin, [f"FROM {origin}"]), *lines]
    return targets


def context(project: Project) -> list[str]:
    """The names that .dockerignore lets through."""
    first, *rest = (project.folder / ".dockerignore").read_text(encoding="utf-8").splitlines()[1:]
    assert "*" == first
    return [line.removeprefix("!") for line in rest if line.startswith("!")]


def built(project: Project, target: str, folder: Path, env: dict[str, str]) -> Image:
    """Make a folder as the target's is: its files by COPY, its environment by the lock file.

    Raises:
        ValueError: An instruction is none that is known here.
    """
    folder.mkdir(parents=True)
    environment, words = dict[str, str](), {"ENTRYPOINT": "[]", "CMD": "[]"}
    for line in instructions(project)[target]:
        instruction, _, rest = line.partition(" ")
        if instruction == "ENV":
            environment |= dict(pair.split("=") for pair in rest.split())
        elif instruction == "COPY":
            copy([word for word in rest.split() if not word.startswith("--")], project, folder)
        elif line.startswith("RUN uv sync "):
            # As many files as in the image, in seconds: linked, and compiled where they are used.
            fast = {"UV_LINK_MODE": "hardlink", "UV_COMPILE_BYTECODE": "0", "EXTRAS": ""}
            Project(folder, {}).run("bash", "-c", rest, env=env | environment | fast)
        elif instruction in words:
            words[instruction] = rest
        elif not line.startswith(NEEDLESS):
            raise ValueError(f"the Dockerfile has a line that is not known here: {line}")
    return Image(folder, environment, json.loads(words["ENTRYPOINT"]), json.loads(words["CMD"]))


def copy(words: list[str], project: Project, folder: Path) -> None:
    """Copy what .dockerignore lets through, each file to where it lies in the project."""
    *names, where = words
    assert where in ("./", *names), f"copied to {where}"
    for name in names:
        allowed = [path for path in context(project) if path == name or path.startswith(f"{name}/")]
        assert allowed, f"{name} is copied, and .dockerignore holds it back"
        for path in allowed:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if (project.folder / path).is_dir():
                shutil.copytree(project.folder / path, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(project.folder / path, target)
