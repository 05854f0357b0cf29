"""Runs of a project's pipeline as its owner types them, and what is seen of them: steps, processes, whom they call."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from commands import ctrl_c_heeded
from project import Project, write_script

STEPS = ("ingest", "validate", "materialize", "training_set", "test_set", "fit", "evaluate", "promote", "report")
SECONDS = 300
LOOPBACK = {"localhost", "127.0.0.1", "::1", "None"}
# Imported by each Python process that finds it: notes whom the process wants to reach, and what it starts that won't find this.
LISTENER = """
import os, sys

def hear(event, told):
    found = None
    if event == "socket.getaddrinfo":
        found = told[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(told[1], tuple):
        found = told[1][0]
    elif event == "subprocess.Popen" and told[3] is not None and os.path.dirname(__file__) not in told[3].get("PYTHONPATH", ""):
        found = "unheard:" + "_".join(map(str, told[1]))
    if found is not None:
        with open(os.environ["CALLS"], "a") as calls:
            print(found, file=calls)

sys.addaudithook(hear)
"""
UNSHARE = ("unshare",) if os.geteuid() == 0 else ("unshare", "--map-root-user")


class Run:
    """A run of the pipeline, as its owner types it: what it printed, how it ended, and the steps that did something."""

    def __init__(self, project: Project, *before: str) -> None:
        self.project, self.were = project, manifests(project)
        command = [*before, sys.executable, "-m", project.package, "run"]
        with ctrl_c_heeded():
            self.process = subprocess.Popen(
                command,
                cwd=project.folder,
                env=environment(project),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def end(self) -> "Run":
        """Wait for its end."""
        self.said, _ = self.process.communicate(timeout=SECONDS)
        self.status = self.process.returncode
        self.worked = {name for name, when in manifests(self.project).items() if when != self.were.get(name)}
        return self

    def stop(self, number: signal.Signals, step: str) -> "Run":
        """Send a signal to all its processes as soon as a step has begun, and wait for the end."""
        deadline = time.monotonic() + SECONDS
        while not halves(self.project, step) and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        os.killpg(self.process.pid, number)
        return self.end()


def run(project: Project, *before: str) -> Run:
    """A run to its end."""
    return Run(project, *before).end()


def alive(run: Run) -> list[str]:
    """The processes that a run has started and that still do something, a moment after its end."""
    deadline = time.monotonic() + 5
    while True:
        told = subprocess.run(
            ["ps", "-s", str(run.process.pid), "-o", "stat=,args="], capture_output=True, text=True, check=False
        ).stdout.splitlines()
        found = [line for line in told if not line.startswith("Z")]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def called(project: Project) -> set[str]:
    """Whom the runs of a project wanted to reach until now."""
    calls = project.folder.parent / "calls"
    return set(calls.read_text(encoding="utf-8").split()) if calls.exists() else set()


def manifests(project: Project) -> dict[str, int]:
    """When each step's manifest was written."""
    found = (project.folder / "artifacts").glob("*/manifest.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


def halves(project: Project, step: str = "*") -> list[Path]:
    """Folders of steps that are being written, or were when they were killed."""
    return [path for path in (project.folder / "artifacts").glob(f".{step}.*") if path.is_dir()]


def environment(project: Project) -> dict[str, str]:
    """What the run finds: one thread, and the project's own command, as an installation makes it."""
    folder = project.folder.parent / "commands"
    write_script(folder / "next-pick", f"#!{sys.executable}\nfrom {project.package}.cli import main\nmain()\n")
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    (folder / "sitecustomize.py").write_text(LISTENER, encoding="utf-8")
    found = project.environment()
    heard = {"PYTHONPATH": f"{folder}{os.pathsep}{found['PYTHONPATH']}", "CALLS": str(project.folder.parent / "calls")}
    return found | {"PATH": path, "OMP_NUM_THREADS": "1"} | heard
