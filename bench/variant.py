"""What a variant costs the tests, against the naive way, in one run: cookiecutter, a new environment, installation, pytest.

    python bench/variant.py

The naive way is timed on three variants, one after the other; the tests go over all variants, on two workers.
Ends with 1 if a bound is missed.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
THREE: tuple[list[str], ...] = ([], ["modalities=tabular_text", "model=single"], ["modalities=tabular", "serving=batch"])
STAGES = {
    "rendered by both tools": "tests/test_3_parity.py::test_tools_agree",
    "checked": "tests/test_6_checked.py::test_check_finds_nothing",
    "run": "tests/test_7_variants.py::test_variant_runs",
}
PLANNED = 512  # variants, once every question has all its answers
RATIO, MINUTES_TO_CHECK, MINUTES_TO_RUN = 15, 12, 25


def main() -> int:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        naive = [naively(answers, Path(folder) / str(number)) for number, answers in enumerate(THREE)]
    print(
        "the naive way, seconds each:",
        *(f"{sum(taken):.0f} ({' + '.join(f'{part:.0f}' for part in taken)})" for taken in naive),
    )
    once = sum(sum(taken) for taken in naive) / len(naive)
    spent = {stage: stage_of(test) for stage, test in STAGES.items()}
    for stage, (seconds, variants, distinct) in spent.items():
        print(
            f"{stage:24}{seconds:6.0f} s for {variants} variants, {distinct} of them different: {seconds / distinct:.1f} s each"
        )
    (rendered, all_of_them, _), (checked, _, _), (run, _, runtimes) = spent.values()
    alone = sum(seconds / distinct for seconds, _, distinct in spent.values())
    print(f"the naive way / this way, a variant that is run alone: {once / alone:.1f}")
    return int(
        not all(
            [
                bound(
                    "the naive way / this way, seconds per variant on offer",
                    once / ((rendered + checked + run) / all_of_them),
                    RATIO,
                    most=False,
                ),
                bound(
                    f"minutes for {PLANNED}, rendered and checked, at this rate",
                    (rendered + checked) / all_of_them * PLANNED / 60,
                    MINUTES_TO_CHECK,
                ),
                bound("minutes for all that are on offer, run", run / 60, MINUTES_TO_RUN),
                bound(
                    f"minutes for {PLANNED // 2} different runtimes, at this rate",
                    run / runtimes * PLANNED / 2 / 60,
                    MINUTES_TO_RUN,
                ),
            ]
        )
    )


def naively(answers: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds to render with an empty environment, to install with pip, and to run pytest."""
    folder.mkdir()
    (folder / "config.yml").write_text(f"replay_dir: {folder}/replay\ncookiecutters_dir: {folder}/clones\n")
    python = folder / "next-pick" / ".venv" / "bin" / "python"
    environment = os.environ | {"COOKIECUTTER_CONFIG": str(folder / "config.yml")}
    commands = (
        ([sys.executable, "-m", "cookiecutter", "--no-input", str(ROOT), *answers], folder),
        ([sys.executable, "-m", "venv", str(python.parents[1])], folder),
        ([str(python), "-m", "pip", "install", "--quiet", "--upgrade", "pip"], folder),
        (
            [str(python), "-m", "pip", "install", "--quiet", "-e", ".", "--group", "train", "--group", "dev"],
            folder / "next-pick",
        ),
        ([str(python), "-m", "pytest", "-q"], folder / "next-pick"),
    )
    taken = []
    for command, place in commands:
        began = time.perf_counter()
        subprocess.run(command, cwd=place, env=environment, capture_output=True, check=True)
        taken.append(time.perf_counter() - began)
    return sum(taken[:2]), sum(taken[2:4]), taken[4]


def stage_of(test: str) -> tuple[float, int, int]:
    """Seconds that a test takes over all variants, start included; how many there are, and how many were different."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--variants", "all", test]
    began = time.perf_counter()
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    passed = re.search(r"^(\d+) passed in ", ran.stdout, re.MULTILINE)
    if passed is None:
        raise RuntimeError(ran.stdout + ran.stderr)
    runtimes = re.search(r"have (\d+) different sets", ran.stdout)
    variants = int(passed[1])
    return seconds, variants, int(runtimes[1]) if runtimes and int(runtimes[1]) else variants


def bound(what: str, found: float, promised: float, most: bool = True) -> bool:
    """Print a figure and whether it keeps its bound."""
    kept = found <= promised if most else found >= promised
    print(f"{what:62}{found:6.1f}  {'at most' if most else 'at least'} {promised}  {'kept' if kept else 'MISSED'}", flush=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())
