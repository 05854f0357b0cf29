"""Gives a project of cookiecutter's what copier gives its own: no empty folder, and an answers file, written last.

With it `copier update` works on every project, whichever tool made it.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import yaml  # cookiecutter itself needs it

CONTEXT = json.loads(r"""{{ cookiecutter | jsonify }}""")

ANSWERS_FILE = Path(".copier-answers.yml")
HEADER = "# What this project was made with. Change an answer or follow the template by `copier update`; don't edit this.\n"
GIT_FOR_COPIER = ("git@", "git://", "git+", "https://github.com/", "https://gitlab.com/")  # any other URL needs .git or git+


def git(folder: Path, *words: str) -> str:
    """What git answers in a folder; nothing where git, a repository or the thing asked for is missing."""
    if not shutil.which("git"):
        return ""
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=False).stdout.strip()


def template_folder() -> Path:
    """Where cookiecutter read the template.

    A relative path counts from the folder in which cookiecutter was started: the shell's, and by default the output's.
    """
    starts = [os.environ.get("PWD", "."), CONTEXT["_output_dir"]]
    folders = [Path(start, CONTEXT["_repo_dir"]).resolve() for start in starts]
    return next((folder for folder in folders if (folder / "cookiecutter.json").is_file()), folders[-1])


def source(template: Path) -> str:
    """Where copier finds the template again: the folder that was given, or the URL behind cookiecutter's clone of it."""
    if CONTEXT["_repo_dir"] == CONTEXT["_template"]:
        return str(template)
    url = git(template, "remote", "get-url", "origin") or CONTEXT["_template"]
    return url if url.endswith(".git") or url.startswith(GIT_FOR_COPIER) else f"git+{url}"


def answers() -> dict[str, str]:
    """The answers, the template's place and, where git knows it, the version of the template."""
    template = template_folder()
    given = {name: answer for name, answer in CONTEXT.items() if not name.startswith("_")}
    if git(template, "rev-parse", "--show-toplevel") == template.as_posix():
        given["_commit"] = git(template, "describe", "--tags", "--always")
    return given | {"_src_path": source(template)}


def prune(project: Path) -> None:
    """Remove folders that hold nothing; git's own may be empty."""
    for folder, _, _ in os.walk(project, topdown=False):
        if ".git" not in Path(folder).parts and not any(Path(folder).iterdir()):
            Path(folder).rmdir()


prune(Path())
ANSWERS_FILE.write_text(
    HEADER + yaml.safe_dump(answers(), indent=4, allow_unicode=True, default_flow_style=False), encoding="utf-8"
)
NEXT = 'git init && make install run predict; then git add -A && git commit -m "As generated", make check test (some minutes)'
print(f"Next: cd {CONTEXT['project_slug']} && {NEXT}")  # noqa: T201 a word to its user
