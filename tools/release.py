"""Releases the template: tests it, dates the changelog, sets the version, names it in the README, commits and tags.

    python tools/release.py VERSION TEST_COMMAND

What stands in the way is told in one sentence, and then nothing has been changed.
"""

import datetime as dt
import re
import shlex
import subprocess
import sys
from pathlib import Path

CHANGELOG, PYPROJECT, README = Path("CHANGELOG.md"), Path("pyproject.toml"), Path("README.md")
VERSION = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
SECTION = re.compile(r"^## Unreleased\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class Refused(Exception):
    """A sentence on what stands in the way of a release."""


def git(*words: str) -> str:
    """What git prints."""
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()


def newest() -> str:
    """The newest release there is; empty where there is none."""
    tags = (tag for tag in git("tag").split() if re.fullmatch(f"v{VERSION}", tag))
    return max(tags, key=numbers, default="")


def numbers(version: str) -> tuple[int, ...]:
    """A version or its tag as numbers, which are compared as such."""
    return tuple(int(number) for number in version.removeprefix("v").split("."))


def check(version: str) -> None:
    """Hold against a release what can be known before its tests.

    Raises:
        Refused: The version has another form or is not newer, the tree is dirty, or nobody would notice a change.
    """
    if not re.fullmatch(VERSION, version):
        raise Refused(f"the version is {version!r}; it must be MAJOR.MINOR.PATCH; type make release VERSION=0.2.0.")
    if dirty := git("status", "--porcelain"):
        raise Refused(f"the tree has uncommitted changes ({len(dirty.splitlines())} files); commit or stash them.")
    if newest() and numbers(version) <= numbers(newest()):
        raise Refused(f"the version is {version}, and {newest()} is released; choose a newer one.")
    unreleased = SECTION.search(CHANGELOG.read_text(encoding="utf-8"))
    if not unreleased or not re.search(r"^- \S", unreleased[1], re.MULTILINE):
        raise Refused(f"{CHANGELOG} has no entry under Unreleased; say there what somebody who updates will notice.")


def test(command: str) -> None:
    """Run the tests.

    Raises:
        Refused: They fail, or have changed files.
    """
    if status := subprocess.run(shlex.split(command), check=False).returncode:
        raise Refused(f"{command} ended with {status}; a release passes its tests.")
    if git("status", "--porcelain"):
        raise Refused(f"{command} has changed files; commit them first.")


def release(version: str) -> None:
    """Date the changelog's entries, set the version, name it where the README says what to check out, commit and tag.

    Raises:
        Refused: Git does not commit; the files are then as they were.
    """
    today = dt.datetime.now(dt.UTC).date()
    changelog = CHANGELOG.read_text(encoding="utf-8")
    pyproject = PYPROJECT.read_text(encoding="utf-8")
    CHANGELOG.write_text(
        changelog.replace("## Unreleased\n", f"## Unreleased\n\n## {version} ({today})\n", 1), encoding="utf-8"
    )
    set_ = re.sub(r'^version = ".*"$', f'version = "{version}"', pyproject, count=1, flags=re.MULTILINE)
    PYPROJECT.write_text(set_, encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(re.sub(rf"--checkout v{VERSION}", f"--checkout v{version}", readme), encoding="utf-8")
    try:
        git("commit", "--all", "--message", f"Release {version}.")
    except subprocess.CalledProcessError as error:
        git("reset", "--hard", "--quiet")
        raise Refused(f"git does not commit: {' '.join(error.stderr.split())}") from error
    git("tag", "--annotate", f"v{version}", "--message", f"Release {version}.")
    print(f"Released {version}. Publish it by git push --follow-tags.")


def main(version: str, command: str) -> None:
    """Release, or end with one sentence."""
    try:
        check(version)
        test(command)
        release(version)
    except Refused as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main(*sys.argv[1:])
