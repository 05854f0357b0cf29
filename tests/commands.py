"""Commands as their users type them: the tools', and git's."""

import subprocess
import sys
from pathlib import Path


def attempt(words: list[str], folder: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a Python module's command in a folder, whatever comes of it; `typed` is what its user answers."""
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, input=typed, capture_output=True, text=True, encoding="utf-8", check=False
    )


def succeed(words: list[str], folder: Path, typed: str = "") -> None:
    """Run a Python module's command in a folder, and fail with what it printed if it fails."""
    ran = attempt(words, folder, typed)

    assert 0 == ran.returncode, ran.stdout + ran.stderr


def git(folder: Path, *words: str) -> str:
    """Run git in a folder; returns what it printed."""
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def commit(folder: Path, tag: str = "") -> None:
    """Commit all that is in a folder, the first time as well, and tag the commit if a tag is given."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", tag or "Work")
    if tag:
        git(folder, "tag", tag)
