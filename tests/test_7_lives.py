"""A project lives: it is installed, checked, tested, trained and asked, as its owner would."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import pytest
from commands import commit, git
from conftest import ROOT, Render
from test_4_hostile import HOSTILE
from variants import DEFAULTS, Answers, each_answer, name_of

OTHERS = [answers for answers in each_answer() if name_of(answers) != "default"]


@pytest.mark.slow
@pytest.mark.parametrize("answers", OTHERS, ids=name_of)
def test_variant_trains_and_answers(answers: Answers, render: Render) -> None:
    """A variant's own tests pass, its pipeline runs to the end, and it answers a request."""
    project = render("copier", **answers)
    project.make("test")
    project.make("run")

    assert "{" in project.make("predict")


@pytest.mark.slow
def test_default_project_lives(render: Render) -> None:
    """With nothing but what its own pyproject.toml declares, the default project installs, passes, trains and answers.

    What serves needs no training package. Its hooks find nothing to change, and none of it leaves a file that git would want.
    """
    project = render("cookiecutter", **DEFAULTS)
    commit(project.folder)
    project.run("make", "install")
    git(project.folder, "add", "uv.lock")
    project.run("make", "check", "test", "run")
    predicted = project.run("make", "predict")
    uv = project.folder / ".uv" / "bin" / "uv"
    serving = {"UV_PROJECT_ENVIRONMENT": ".serving"}
    project.run(str(uv) if uv.exists() else "uv", "sync", "--frozen", "--no-default-groups", env=serving)
    project.run(str(project.folder / ".venv" / "bin" / "pre-commit"), "run", "--all-files")

    assert "{" in predicted
    assert "{" in project.run(".serving/bin/next-pick", "predict")
    assert not list((project.folder / ".serving").rglob("doit"))
    shutil.rmtree(project.folder / ".serving")
    assert "A  uv.lock" == git(project.folder, "status", "--porcelain")


@pytest.mark.slow
def test_demo_shows_what_it_is_for(render: Render) -> None:
    """On the demo data the cascade beats the single model, and each modality taken away costs accuracy and log-loss."""
    project = render("copier")

    project.run(sys.executable, str(ROOT / "bench" / "demo.py"), "--project", ".", "--seeds", "1")


@pytest.mark.slow
def test_server_answers(render: Render) -> None:
    """A server of its own is unready without a model and says why, answers once there is one, and stops when told to."""
    project = render("copier")
    with Server(project.folder) as server:
        assert "no model is promoted" in server.ask("/ready", expect=503)["reason"]
    project.make("run")
    with Server(project.folder) as server:
        assert "ready" == server.ask("/ready")["status"]
        answer = server.ask("/predict", {"user_id": 7, "hour": 21, "device": "tv"})["answers"][0]

        assert {"user_id", "prediction", "probability", "route", "route_probability", "route_source"} == answer.keys()
        assert "'hr' is no known field" in server.ask("/predict", {"user_id": 7, "hr": 21}, expect=422)["detail"]
    assert server.process.returncode in (0, -signal.SIGTERM)


class Server:
    """`serve` in a process of its own, on loopback, told to stop on the way out."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "next_pick", "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": str(folder / "src")})

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except ConnectionRefusedError:
                time.sleep(0.1)
            else:
                return self
        raise AssertionError(f"no server on port {self.port}; exit status {self.process.poll()}")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def ask(self, path: str, body: object = None, expect: int = 200) -> dict[str, Any]:
        """The JSON that it answers, its status checked."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 it goes to loopback
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()

        assert expect == status, text
        found: dict[str, Any] = json.loads(text)
        return found


@pytest.mark.slow
def test_hostile_project_installs(render: Render) -> None:
    """A project with a name, description and author that break other templates is built, installed and checked as any other."""
    text = "".join(HOSTILE[kind] for kind in ("double-quotes", "backslashes", "expression", "emoji", "comment"))
    project = render(
        "copier", project_name=HOSTILE["markup"], description=text, author_name=text[:100].strip(), project_slug="next-pick"
    )
    project.run("make", "install", "check")

    assert "usage" in project.run(".venv/bin/next-pick", "--help").lower()
