"""How long a newcomer waits: from the answers to a trained model and its first prediction, packages being in uv's cache.

    python bench/first_answer.py

It does once what `make demo` does, so that the cache is warm, then as often as ROUNDS says, and prints the share of each part.
Ends with 1 if the median misses its bound.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3
MOST_SECONDS = 90
PARTS = {"rendered": [], "installed": ["install"], "pipeline run": ["run"], "first prediction": ["predict"]}


def main() -> int:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        parts_of(Path(folder) / "warm")
        taken = [parts_of(Path(folder) / str(number)) for number in range(ROUNDS)]
    whole = statistics.median(map(sum, taken))
    for part, seconds in zip(PARTS, map(statistics.median, zip(*taken, strict=True)), strict=True):
        print(f"{part:20}{seconds:6.1f} s  {seconds / whole:4.0%}")
    kept = whole <= MOST_SECONDS
    of_each = ", ".join(f"{sum(parts):.0f}" for parts in taken)
    print(f"answers to first prediction: {whole:.0f} s (of {of_each}), at most {MOST_SECONDS}: {'kept' if kept else 'MISSED'}")
    return int(not kept)


def parts_of(project: Path) -> list[float]:
    """The seconds that each part takes in a fresh folder."""
    copier = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", "--vcs-ref", "HEAD", str(ROOT), str(project)]
    seconds = []
    for words in PARTS.values():
        command = ["make", "-C", str(project), *words] if words else copier
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
