"""Commands of a project, each in a fork of a process that has imported the heavy libraries already.

`multiprocessing`'s fork server does the forking. It imports libraries only, never a project, and each fork is a session of its
own with a limit of time and of memory: what one command breaks, leaks or leaves running is gone before the next one starts.
"""

import atexit
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Protocol

PYTHON = Path(sys.executable)
LIBRARIES = (
    "doit.doit_cmd",
    "duckdb",
    "fastapi.testclient",
    "feast",
    "feast.infra.offline_stores.duckdb",
    "hypothesis",
    "matplotlib.figure",
    "numpy",
    "onnx",
    "optuna",
    "PIL.Image",
    "pandas",
    "pandera.pandas",
    "pyarrow.parquet",
    "pytest",
    "rich.progress",
    "scipy.stats",
    "skimage.feature",
    "sklearn.calibration",
    "sklearn.compose",
    "sklearn.decomposition",
    "sklearn.ensemble",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.utils.estimator_checks",
    "skops.io",
    "sqlalchemy",
    "typer",
    "uvicorn",
)
SECONDS = 600
BYTES = 8 * 2**30  # of address space for one command: a leak ends there

_server = get_context("forkserver")


class Running(Protocol):
    """A command that was started."""

    @property
    def pid(self) -> int | None:
        """Its number."""

    @property
    def exitcode(self) -> int | None:
        """Its exit status; None while it runs."""

    def join(self, timeout: float | None = None) -> object:
        """Wait for its end, at most so many seconds."""


class Elsewhere:
    """A command in a fork of another interpreter's process, which has libraries that this one has not."""

    def __init__(self, python: Path, words: list[str], folder: Path, env: Mapping[str, str], said: Path) -> None:
        self._python = python
        self.pid: int = _told(python, {"words": words, "folder": str(folder), "env": dict(env), "said": str(said)})

    @property
    def exitcode(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.join(0)

    def join(self, timeout: float | None = None) -> int | None:
        """Wait for its end, at most so many seconds."""
        status: int | None = _told(self._python, {"join": self.pid, "timeout": timeout})
        return status


@cache
def _other(python: Path) -> subprocess.Popen[str]:
    """This module as another interpreter's process, told what to fork line by line; it ends with this one."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen([python, "-m", "forks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)


def _told(python: Path, request: dict[str, object]) -> Any:
    other = _other(python)
    assert other.stdin
    assert other.stdout
    other.stdin.write(json.dumps(request) + "\n")
    other.stdin.flush()
    return json.loads(other.stdout.readline())


def _listen() -> None:
    """Fork what is told on stdin, and tell on stdout how it is called and how it ended."""
    started: dict[int, ForkServerProcess] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "words" in request:
            process = _forked(request["words"], Path(request["folder"]), request["env"], Path(request["said"]))
            started[pid_of(process)] = process
            answer: int | None = process.pid
        else:
            process = started[request["join"]]
            process.join(request["timeout"])
            answer = process.exitcode
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


@contextmanager
def running(words: list[str], folder: Path, env: Mapping[str, str], said: Path, python: Path = PYTHON) -> Iterator[Running]:
    """A Python module's command in a folder, as `python -m` starts it; when the block ends, so does all that it started.

    Args:
        words: The module and its arguments.
        folder: Where the command is typed.
        env: Its whole environment.
        said: The file that gets what it prints.
        python: Whose libraries it needs.
    """
    process = _forked(words, folder, env, said) if python == PYTHON else Elsewhere(python, words, folder, env, said)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid_of(process), signal.SIGKILL)
        process.join()


def pid_of(process: Running) -> int:
    """The number of a started process; 0, which would mean this process's own group, never."""
    assert process.pid
    return process.pid


def run(
    words: list[str], folder: Path, env: Mapping[str, str], said: Path, seconds: float = SECONDS, python: Path = PYTHON
) -> int:
    """Run a command to its end; returns its exit status, which is -9 after `seconds` too."""
    with running(words, folder, env, said, python) as process:
        process.join(seconds)
    return process.exitcode if process.exitcode is not None else -signal.SIGKILL


def _forked(words: list[str], folder: Path, env: Mapping[str, str], said: Path) -> ForkServerProcess:
    _server.set_forkserver_preload(list(LIBRARIES))
    process = _server.Process(target=_run, args=(words, folder, dict(env), said))
    process.start()
    return process


def _run(words: list[str], folder: Path, env: dict[str, str], said: Path) -> None:
    """In the fork: become what `python -m` would be in that folder, and run the module."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.chdir(folder)
    chosen = {name: value for name, value in os.environ.items() if name.startswith("PROMETHEUS_")}  # by Feast, once imported
    os.environ.clear()
    os.environ.update(env | chosen)
    installed = [path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix))]
    sys.path[:] = [str(folder), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep)), *installed]
    sys.argv = words
    for name in (__name__, "forks"):
        sys.modules.pop(name, None)
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # a fork of multiprocessing's ends without them


if __name__ == "__main__":
    _listen()
