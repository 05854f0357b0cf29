"""How long a render takes, compared in one run: cookiecutter with an empty template of as many files, copier with the clock.

Usage: python bench/render.py
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TREE = "{{cookiecutter.project_slug}}"
ROUNDS = 7  # of each, by turns, so that all see the same machine; the median counts
MOST_RATIO = 1.5
MOST_SECONDS = 2.5


def copy_files(template: Path) -> None:
    """Copy what git would commit of this template into a folder, without its history."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (template / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, template / name)


def write_empty(template: Path, files: int) -> None:
    """Write a template of one question and that many files, each with one line, by ten in a folder."""
    template.mkdir()
    template.joinpath("cookiecutter.json").write_text('{"project_slug": "next-pick"}')
    for number in range(files):
        path = template / TREE / f"folder{number // 10}" / f"file{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("A line.\n")


def seconds(command: list[str], place: Path) -> float:
    """How long a command of a Python module takes, in a fresh process and a fresh folder."""
    place.mkdir()
    environment = os.environ | {"COOKIECUTTER_CONFIG": str(place.parent / "cookiecutter.yml")}
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], cwd=place, env=environment, capture_output=True, check=True)
    return time.perf_counter() - began


def main() -> None:
    """Print the figures; the exit status says whether they are what is promised."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "cookiecutter.yml").write_text(f"replay_dir: {scratch}/replay\ncookiecutters_dir: {scratch}/clones\n")
        copy_files(scratch / "ours")
        ours = ["cookiecutter", "--no-input", str(scratch / "ours")]
        seconds(ours, scratch / "whole")
        files = sum(path.is_file() for path in (scratch / "whole").rglob("*"))
        write_empty(scratch / "empty", files)
        commands = {
            "empty": ["cookiecutter", "--no-input", str(scratch / "empty")],
            "ours": ours,
            "copier": ["copier", "copy", "--defaults", "--quiet", str(scratch / "ours"), "next-pick"],
        }
        rounds = [{name: seconds(words, scratch / f"{name}-{n}") for name, words in commands.items()} for n in range(ROUNDS)]
    median = {name: statistics.median(taken[name] for taken in rounds) for name in commands}
    ratio = median["ours"] / median["empty"]
    print(f"{files} files, median of {ROUNDS} rounds")
    print(f"cookiecutter, empty template  {median['empty']:.2f} s")
    print(f"cookiecutter, this template   {median['ours']:.2f} s   ratio {ratio:.2f}, promised {MOST_RATIO}")
    print(f"copier copy                   {median['copier']:.2f} s   promised {MOST_SECONDS} s")
    sys.exit(ratio > MOST_RATIO or median["copier"] > MOST_SECONDS)


if __name__ == "__main__":
    main()
