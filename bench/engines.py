"""What an engine costs: the same steps by doit, DVC, Dagster and Kubeflow's file, and by plain calls, in one run.

    python bench/engines.py [--kedro FOLDER]

Renders a small project for each engine and runs it with this script's own libraries, which hold all four (`make install`).
FOLDER holds Kedro (`uv pip install --target FOLDER kedro`), a peer, for the same steps. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import copier
from pipeline import PLAIN, best, line, timed

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ("doit", "dvc", "dagster", "kubeflow")
# What the engines' own commands take where nothing changed.
OWN = {"dvc": ["dvc", "repro", "--quiet"], "dagster": ["dagster", "job", "execute", "-f", "definitions.py", "-j", "pipeline"]}
RUN = [sys.executable, "-m", "next_pick", "run"]  # the owner's command
SIZES = (10, 50, 100, 200)  # synthetic steps, in chains of ten

SYNTHETIC = """
STEPS = tuple(
    Step(f"s{number:03}", needs=() if number % 10 == 0 else (f"s{number - 1:03}",)) for number in range(SIZE)
)
"""
STEP = '''"""A step that takes a hundredth of a second."""

import time
from pathlib import Path

START = 0


def run(settings: object, out: Path, **given: Path) -> None:
    """Write a number more than the step before."""
    time.sleep(0.01)
    before = [int((folder / "depth").read_text()) for folder in given.values()]
    (out / "depth").write_text(str(START + 1 + sum(before)))
'''
KEDRO = """
import shutil
from importlib import import_module
from pathlib import Path

from kedro.pipeline import node, pipeline
from next_pick.pipeline.steps import STEPS, ordered
from next_pick.settings import read_settings

ROOT = Path.cwd()
SETTINGS = read_settings(ROOT / "settings.toml")

def made(step):
    def run(*given):
        out = ROOT / "plain" / step.name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        inputs = {need: ROOT / "plain" / need for need in step.needs} | ({"root": ROOT} if step.outside else {})
        if step.name == "promote":
            (inputs["fit"] / "manifest.json").write_text('{"key": "plain"}')
        import_module("next_pick.pipeline." + step.name).run(settings=SETTINGS.only(step.settings), out=out, **inputs)
        return step.name
    return node(run, list(step.needs), step.name, name=step.name)

def register_pipelines():
    return {"__default__": pipeline([made(step) for step in ordered(STEPS)])}
"""


def main() -> int:
    """Print each measure against its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kedro", type=Path, help="a folder into which Kedro was installed")
    kedro = parser.parse_args().kedro
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        made = {engine: rendered(engine, Path(folder) / engine) for engine in ENGINES}
        plain = best(partial(cold, [sys.executable, "-c", PLAIN, "next_pick"], made["doit"]), 2)
        whole = {engine: best(partial(cold, RUN, own), 2) for engine, own in made.items()}
        nothing = {engine: best(partial(timed, RUN, own)) for engine, own in made.items()}
        processes = best(partial(cold_by_process, made["doit"]), 2)
        own = {engine: best(partial(timed, tool(words), made[engine]), 3) for engine, words in OWN.items()}
        if kedro:
            (found,) = kedro.glob("kedro-*.dist-info")
            project = peer(Path(folder) / "peer", made["doit"], found.name.removeprefix("kedro-").removesuffix(".dist-info"))
            beside = os.pathsep.join([str(project / "src"), str(kedro)])
            own["kedro"] = best(partial(timed, [sys.executable, "-m", "kedro", "run"], project, PYTHONPATH=beside), 3)
        over = whole["doit"] - plain
        kept.append(
            line("cold, doit over plain calls, of the larger bound", over / max(0.1 * plain, 0.3), 1.0, f"{over:.2f} s")
        )
        kept.append(line("cold, doit of a process per step", whole["doit"] / processes, 0.5, f"{processes:.1f} s"))
        kept.append(line("nothing changed, doit, seconds", nothing["doit"], 0.6, "the whole command"))
        for engine, seconds in own.items():
            kept.append(line(f"nothing changed, doit of {engine}'s own", nothing["doit"] / seconds, 1 / 3, f"{seconds:.2f} s"))
        for engine in ENGINES[1:]:
            told = f"cold {whole[engine]:.1f} s, {whole[engine] / plain:.1f} times plain calls"
            print(f"{'nothing changed, ' + engine:45}{nothing[engine]:6.2f} s  ({told})", flush=True)
        grown = curve(made["doit"])
        for size, (idle, work) in grown.items():
            print(f"{f'{size} synthetic steps':45}{work:6.2f} s for one changed and the nine after it; {idle:.2f} s for none")
        ratio = (grown[SIZES[-1]][1] - grown[SIZES[-1]][0]) / (grown[SIZES[0]][1] - grown[SIZES[0]][0])
        kept.append(line("ten of 200 steps over ten of 10, idle left out", ratio, 2.0, "what must run is the same"))
    return int(not all(kept))


def rendered(engine: str, folder: Path) -> Path:
    """A small project with that engine, in a git repository, as DVC and its owner want it."""
    answers = {"orchestrator": engine, "modalities": "tabular", "model": "single", "serving": "batch"}
    copier.run_copy(str(ROOT), folder, data=answers, defaults=True, quiet=True, vcs_ref="HEAD")
    settings = folder / "settings.toml"
    text = re.sub(r"demo = \d+", "demo = 1600", settings.read_text(encoding="utf-8"))
    settings.write_text(re.sub(r"boosting_rounds = \d+", "boosting_rounds = 10", text), encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


def peer(folder: Path, of: Path, version: str) -> Path:
    """A project of Kedro's whose nodes are the steps of a project."""
    shutil.copytree(of / "src", folder / "src")
    shutil.copy(of / "settings.toml", folder)
    kedro = (
        f'[tool.kedro]\npackage_name = "peer"\nproject_name = "peer"\nkedro_init_version = "{version}"\nsource_dir = "src"\n'
    )
    files = {
        "pyproject.toml": kedro,
        "src/peer/pipeline_registry.py": KEDRO,
        "src/peer/settings.py": "",
        "src/peer/__init__.py": "",
    }
    for name, text in (files | {"conf/base/catalog.yml": "", "conf/local/catalog.yml": ""}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def tool(words: list[str]) -> list[str]:
    """An engine's own command, from beside this interpreter."""
    return [str(Path(sys.executable).with_name(words[0])), *words[1:]]


def cold(command: list[str], project: Path) -> float:
    """Seconds that a command takes where nothing was run before."""
    for made in ("artifacts", "models", "feature_store", "plain", ".dagster", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project / made, ignore_errors=True)
    (project / "dvc.lock").unlink(missing_ok=True)
    return timed(command, project)


def cold_by_process(project: Path) -> float:
    """Seconds that the steps take with a process for each."""
    names = subprocess.run(
        [sys.executable, "-c", "from next_pick.pipeline.steps import *; print(*(step.name for step in ordered(STEPS)))"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    words = " && ".join(f"{sys.executable} -m next_pick step {name}" for name in names)
    return cold(["sh", "-c", words], project)


def curve(project: Path) -> dict[int, tuple[float, float]]:
    """By number of synthetic steps: seconds with nothing to do, and with one changed in the middle."""
    steps = project / "src" / "next_pick" / "pipeline" / "steps.py"
    text = steps.read_text(encoding="utf-8")
    script = "import sys; from pathlib import Path; from next_pick.pipeline.engine import run; sys.exit(run(Path.cwd()))"
    command = [sys.executable, "-c", script]
    found = {}
    for size in SIZES:
        steps.write_text(text + SYNTHETIC.replace("SIZE", str(size)), encoding="utf-8")
        for number in range(size):
            steps.with_name(f"s{number:03}.py").write_text(STEP, encoding="utf-8")
        cold(command, project)
        idle = best(partial(timed, command, project), 3)
        middle = steps.with_name(f"s{size // 20 * 10:03}.py")
        found[size] = idle, best(partial(changed, middle, command, project), 3)
    steps.write_text(text, encoding="utf-8")
    return found


def changed(file: Path, command: list[str], project: Path) -> float:
    """Seconds that a command takes after a step's code was changed, so that it writes something else."""
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("START = 0", f"START = {time.time_ns()}"), encoding="utf-8")
    seconds = timed(command, project)
    file.write_text(text, encoding="utf-8")
    timed(command, project)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
