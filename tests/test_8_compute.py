"""The inner loops of training in other processes: joblib's, or a Dask cluster's on loopback, of which one is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Render
from project import CommandFailed, Project

SECONDS = 60  # until the scheduler listens, its workers have come, and a fold is with one of them


@dataclass(frozen=True)
class Cluster:
    """Where the scheduler listens, who asks it, and its workers by the name that they have there."""

    address: str
    client: Any
    workers: dict[str, subprocess.Popen[bytes]]

    def busy(self) -> str:
        """A worker that has something to do, as soon as there is one."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for address, tasks in self.client.processing().items():
                if tasks:
                    return str(self.client.scheduler_info(n_workers=-1)["workers"][address]["name"])
        raise TimeoutError(f"no worker of {self.address} got anything to do within {SECONDS} s")


@pytest.fixture
def project(render: Render) -> Project:
    """A small cascade whose router takes a moment to fit, trained in one process."""
    made = render("copier", modalities="tabular", serving="batch")
    made.edit_settings((r"demo = \d+", "demo = 4000"), ('router = "linear"', 'router = "gradient_boosting"'))
    made.with_libraries("python", "-m", made.package, "run")
    return made


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Iterator[Cluster]:
    """Dask's own processes, which end with the test; the workers have the project's package, and two names."""
    from distributed import Client  # it takes seconds, and the other tests do not need it

    file = tmp_path / "scheduler.json"
    environment = project.environment() | {"OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__ADMIN__LOG_FORMAT": "%(message)s"}
    dask = [sys.executable, "-m", "dask"]
    here = ["--scheduler-file", str(file), "--no-dashboard"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    quiet: dict[str, Any] = {"env": environment, "cwd": project.folder} | silent
    started = [subprocess.Popen([*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", *here], **quiet)]
    try:
        deadline = time.monotonic() + SECONDS
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        alone = [*dask, "worker", *here, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1"]
        own = ["--local-directory", str(tmp_path), "--name"]
        workers = {name: subprocess.Popen([*alone, *own, name], **quiet) for name in ("one", "two")}
        started += workers.values()
        address = json.loads(file.read_text(encoding="utf-8"))["address"]
        with Client(address, timeout=SECONDS, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(2, timeout=SECONDS)
            yield Cluster(address, client, workers)
    finally:
        for process in started:
            process.kill()
            process.wait()


def learned(project: Project) -> dict[str, bytes]:
    """What every candidate answers to the test rows, the model from the registry left aside."""
    answers = (project.folder / "artifacts" / "evaluate" / "answers").glob("*.parquet")
    return {path.stem: path.read_bytes() for path in answers if path.stem != "champion"}


@pytest.mark.slow
def test_processes_on_this_machine_learn_the_same(project: Project) -> None:
    """To the last bit; the number of workers is no reason to train again."""
    command = ["python", "-m", project.package]
    alone = learned(project)
    project.edit_settings(("workers = 1", "workers = 2"))

    assert "fit: unchanged" in project.with_libraries(*command, "step", "fit")
    project.with_libraries(*command, "step", "fit", "--force")
    project.with_libraries(*command, "step", "evaluate", "--force")
    assert "cascade" in alone
    assert alone == learned(project)


@pytest.mark.slow
def test_workers_learn_the_same_and_one_may_be_lost(project: Project, cluster: Cluster) -> None:
    """Folds and parts are trained there; a worker that is killed in the middle costs time, and no bit of the result."""
    command = ["python", "-m", project.package]
    alone = learned(project)
    project.edit_settings(('dask = ""', f'dask = "{cluster.address}"'))
    again = [sys.executable, "-m", project.package, "step", "fit", "--force"]
    environment = os.environ | project.environment()
    with subprocess.Popen(again, cwd=project.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as fit:
        lost = cluster.busy()
        cluster.workers[lost].send_signal(signal.SIGKILL)
        said, _ = fit.communicate(timeout=600)

    assert 0 == fit.returncode, said.decode()
    assert {lost} == {name for name, worker in cluster.workers.items() if worker.poll() is not None}
    project.with_libraries(*command, "step", "evaluate", "--force")
    assert "cascade" in alone
    assert alone == learned(project)


@pytest.mark.slow
def test_who_does_not_answer_is_named(project: Project) -> None:
    """A scheduler that is not there is one sentence, and what was trained before stays."""
    command = ["python", "-m", project.package]
    before = learned(project)
    project.edit_settings(('dask = ""', 'dask = "tcp://127.0.0.1:9"'))

    with pytest.raises(CommandFailed, match=r"error: step fit failed: no Dask scheduler answers at 'tcp://127.*; start it"):
        project.with_libraries(*command, "step", "fit", "--force")
    assert before == learned(project)
    project.with_libraries(*command, "step", "evaluate")
