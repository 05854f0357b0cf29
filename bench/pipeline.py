"""What the command line and the engine cost a rendered project, as ratios of plain Python doing the same, in one run.

    python bench/pipeline.py --project FOLDER

FOLDER is a rendered project with the default settings; it is copied, and the copy is run. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 5  # the best of them counts: what else the machine does only ever adds

# The same steps as plain calls: no manifest, no freshness, no engine.
PLAIN = """
import sys
from importlib import import_module
from pathlib import Path

package, root = sys.argv[1], Path.cwd()
steps = import_module(package + ".pipeline.steps")
settings = import_module(package + ".settings").read_settings(root / "settings.toml")
for step in steps.ordered(steps.STEPS):
    out = root / "plain" / step.name
    out.mkdir(parents=True)
    given = {need: root / "plain" / need for need in step.needs} | ({"root": root} if step.outside else {})
    if step.name == "promote":
        (given["fit"] / "manifest.json").write_text('{"key": "plain"}')
    import_module(package + ".pipeline." + step.name).run(settings=settings.only(step.settings), out=out, **given)
"""


def main() -> int:
    """Print each measure against its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project")
    project = parser.parse_args().project
    package = next((project / "src").glob("*/settings.py")).parent.name
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(project, copy, ignore=shutil.ignore_patterns("artifacts", "models", ".venv", ".git"))
        cli = [sys.executable, "-m", package]

        def cold(command: list[str]) -> float:
            for made in ("artifacts", "models", "plain"):
                shutil.rmtree(copy / made, ignore_errors=True)
            return timed(command, copy)

        plain = best(lambda: cold([sys.executable, "-c", PLAIN, package]), 2)
        whole = best(lambda: cold([*cli, "run"]), 2)
        nothing = best(lambda: timed([*cli, "run"], copy))
        helped = best(lambda: timed([*cli, "--help"], copy))
        bare = best(lambda: timed([sys.executable, "-c", "pass"], copy))
        kept = [
            line("whole run / the same steps as plain calls", whole / plain, 1.25, f"{whole:.1f} s / {plain:.1f} s"),
            line("run with nothing to do, seconds", nothing, 0.6, f"{nothing / bare:.0f} times a bare Python"),
            line("--help, seconds", helped, 0.4, f"{helped / bare:.0f} times a bare Python"),
        ]
    return int(not all(kept))


def timed(command: list[str], folder: Path, **more: str) -> float:
    """Seconds that a command takes in the project."""
    path = os.pathsep.join([str(folder / "src"), str(folder)])
    # Where a container forbids to keep compiled modules, each start would compile all of them.
    env = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""} | more
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    return time.perf_counter() - start


def best(measure: Callable[[], float], rounds: int = ROUNDS) -> float:
    """The shortest of some rounds."""
    return min(measure() for _ in range(rounds))


def line(what: str, found: float, bound: float, detail: str) -> bool:
    """Print a measure and whether it keeps its bound."""
    kept = found <= bound
    print(f"{what:45}{found:6.2f}  at most {bound:.2f}  {'kept' if kept else 'MISSED'}  ({detail})", flush=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())
