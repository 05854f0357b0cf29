"""What a bundle weighs and what loading it costs beside joblib's file of the same pipeline, in one run.

    python bench/bundle.py --project FOLDER

FOLDER is a rendered project in which `run` has promoted a model. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

ROUNDS = 9  # the best of them counts: what else the machine does only ever adds


def main() -> int:
    """Print each measure against its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project that has run")
    project = parser.parse_args().project
    sys.path.insert(0, str(project / "src"))
    package = next((project / "src").glob("*/settings.py")).parent.name
    registry, proof = import_module(f"{package}.registry"), import_module(f"{package}.proof")
    joblib = import_module("joblib")
    models = project / registry.FOLDER
    found = registry.load(models)  # from here on the process is warm
    whole = best(lambda: registry.load(models))
    proved = best(lambda: proof.prove(found.card, lambda: found.answerer))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.joblib"
        joblib.dump(found.pipeline, file, compress=True)
        read = best(lambda: joblib.load(file))
        plain = file.stat().st_size
    size = sum(path.stat().st_size for path in (models / found.card.version).iterdir())
    loaded = whole - proved
    kept = [
        line("bundle / joblib, compressed", size / plain, 1.2, f"{size / 1000:.0f} kB / {plain / 1000:.0f} kB"),
        line("load without the golden rows, ms", loaded * 1000, 50, f"{loaded / read:.1f} times joblib's"),
        line("load with the golden rows, ms", whole * 1000, 250, f"{len(found.card.golden_rows)} rows"),
    ]
    return int(not all(kept))


def best(measure: Callable[[], object]) -> float:
    """The fewest seconds of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        measure()
        rounds.append(time.perf_counter() - start)
    return min(rounds)


def line(what: str, found: float, bound: float, detail: str) -> bool:
    """Print a measure and whether it keeps its bound."""
    kept = found <= bound
    print(f"{what:40}{found:7.2f}  at most {bound:6.2f}  {'kept' if kept else 'MISSED'}  ({detail})", flush=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())
