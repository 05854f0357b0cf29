"""What the demo data show: the cascade beats the single model, and every modality adds.

    python bench/demo.py --project FOLDER [--seeds N]

FOLDER is a rendered project with the default answers. Each seed draws other users, requests and sessions; the project's own
steps are run on them, then once more without each modality. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Any

LEAST_LOSS = 0.005  # of accuracy, when a modality is taken away

Scores = dict[str, dict[str, float]]


def main() -> int:
    """Print the scores of all candidates, then those of the cascade with a modality less."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project with the default answers")
    parser.add_argument("--seeds", type=int, default=3, help="how many draws of the demo data (default 3)")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.project / "src"))
    package = next((arguments.project / "src").glob("*/settings.py")).parent.name
    settings = import_module(f"{package}.settings").read_settings(arguments.project / "settings.toml")
    kinds = list(settings.columns.by_modality())
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, list[Scores]] = {name: [] for name in ("all", *kinds)}
        for seed in range(arguments.seeds):
            drawn = settings.model_copy(update={"seed": settings.seed + seed})
            for name in runs:
                left = drawn.columns.model_copy(update={} if name == "all" else {name: ()})
                runs[name].append(scored(package, drawn.model_copy(update={"columns": left}), Path(folder)))
    print(f"means of {arguments.seeds} draws     accuracy  log_loss")
    metrics = ("accuracy", "log_loss")
    means = {name: {metric: averaged(runs["all"], name, metric) for metric in metrics} for name in runs["all"][0]}
    for name, found in means.items():
        print(f"{name:22}{found['accuracy']:9.3f} {found['log_loss']:9.3f}")
    kept = [
        means["cascade"]["accuracy"] > means["single"]["accuracy"],
        means["cascade"]["log_loss"] < means["single"]["log_loss"],
        means["cascade"]["accuracy"] >= 0.60,
        means["cascade"]["log_loss"] <= 1.05,
    ]
    for name in kinds:
        change = {metric: averaged(runs[name], "cascade", metric) - means["cascade"][metric] for metric in metrics}
        print(f"without {name:14}{change['accuracy']:+9.3f} {change['log_loss']:+9.3f}")
        kept += [change["accuracy"] <= -LEAST_LOSS, change["log_loss"] > 0]
    print("every bound is kept" if all(kept) else "MISSED: see above")
    return int(not all(kept))


def scored(package: str, settings: Any, folder: Path) -> Scores:
    """Scores of every candidate after the project's own steps."""
    steps = import_module(f"{package}.pipeline.steps")
    run_step = import_module(f"{package}.pipeline.runner").run_step
    for step in steps.ordered(steps.STEPS):
        if step.name not in ("promote", "report"):
            run_step(step, settings, folder)
    found = json.loads((folder / "artifacts" / "evaluate" / "metrics.json").read_text(encoding="utf-8"))["scores"]
    return {name: parts["all"] for name, parts in found.items()}


def averaged(runs: list[Scores], candidate: str, metric: str) -> float:
    """The mean over the draws."""
    return mean(run[candidate][metric] for run in runs)


if __name__ == "__main__":
    sys.exit(main())
