"""A project's server, in a fork of its own on loopback, told to stop on the way out."""

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import forks
from project import Project

SECONDS_TO_LISTEN = 60
SECONDS_TO_STOP = 30


@dataclass(frozen=True)
class Server:
    """Where a server listens."""

    port: int

    def reason(self) -> str:
        """Why it is unready; empty if it is not."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=30).close()
        except urllib.error.HTTPError as error:
            return str(json.loads(error.read())["reason"])
        return ""

    def ask(self, path: str, body: object = None, expect: int = 200) -> dict[str, Any]:
        """The JSON that it answers, its status checked."""
        status, found = self.status(path, body)

        assert expect == status, found
        return found

    def status(self, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Its status, and the JSON that it answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 it goes to loopback
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        found: dict[str, Any] = json.loads(text)
        return status, found


@contextmanager
def serving(project: Project) -> Iterator[Server]:
    """`serve`, from when it listens until it has ended itself because it was told to.

    Raises:
        CommandFailed: It did not begin to listen, or did not stop when told to.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [project.package, "serve", "--port", str(port)]
    said = project.folder.parent / "served.txt"
    with forks.running(command, project.folder, project.environment(), said, project.python) as process:
        deadline = time.monotonic() + SECONDS_TO_LISTEN
        while not listens(port):
            if process.exitcode is not None or time.monotonic() > deadline:
                raise project.failed(process.exitcode or 0, ["python", "-m", *command], said.read_text(encoding="utf-8"))
            time.sleep(0.05)
        server = Server(port)
        while "being loaded" in server.reason():  # which begins once it listens
            time.sleep(0.05)
        yield server
        os.kill(forks.pid_of(process), signal.SIGTERM)
        process.join(SECONDS_TO_STOP)
        if process.exitcode not in (0, -signal.SIGTERM):  # None: it runs on
            raise project.failed(
                process.exitcode or -signal.SIGKILL, ["python", "-m", *command], said.read_text(encoding="utf-8")
            )


def listens(port: int) -> bool:
    """Whether something answers there, on loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True
