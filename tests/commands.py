"""Commands as their users type them: the tools', and git's."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select

SECONDS_AT_MOST = 300
SECONDS_TO_WAIT = 0.5  # after which a command that shows nothing more is taken to wait for an answer


def attempt(words: list[str], folder: Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a Python module's command in a folder, whatever comes of it; `typed` is what its user answers."""
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, input=typed, capture_output=True, text=True, encoding="utf-8", check=False
    )


def succeed(words: list[str], folder: Path, typed: str = "") -> None:
    """Run a Python module's command in a folder, and fail with what it printed if it fails."""
    ran = attempt(words, folder, typed)

    assert 0 == ran.returncode, ran.stdout + ran.stderr


def at_a_terminal(command: str, folder: Path, env: Mapping[str, str], press: bytes = b"\r") -> str:
    """Run a command at a terminal, pressing a key whenever it waits: return, as who takes every default; what it showed."""
    terminal, theirs = pty.openpty()
    running = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + SECONDS_AT_MOST
    try:
        while True:
            assert time.monotonic() < deadline, shown.decode(errors="replace")
            if select([terminal], [], [], SECONDS_TO_WAIT)[0]:
                shown += os.read(terminal, 65536)
            else:
                os.write(terminal, press)
    except OSError:  # so the end of what is shown at a terminal is told
        os.close(terminal)
        running.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)

    assert 0 == running.returncode, shown.decode(errors="replace")
    return shown.decode(errors="replace")


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


def copy_sources(repository: Path, folder: Path) -> None:
    """Copy what git would commit of a repository, without its history."""
    for name in filter(None, git(repository, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")):
        if (repository / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, folder / name)


@contextmanager
def ctrl_c_heeded() -> Iterator[None]:
    """What is started here heeds Ctrl-C, as at a terminal; in a shell's background it is ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
