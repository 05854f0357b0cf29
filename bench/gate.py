"""Which model the gate picks where the truth is known, and whether it ever replaces a better one.

    python bench/gate.py --project FOLDER [--seeds N]

FOLDER is a rendered project with the cascade. Three worlds of two segments are drawn: one in which a sign means opposite things
in them, one in which trees see more than lines and the segments mean nothing, and one in which a weighted sum is all there is.
In each, a champion has learned from other rows than the candidates; the gate sees the test rows, and the truth is asked of
20,000 others. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TRAIN, TEST, TRUTH = 2000, 1000, 20_000
RIGHT = {"segments": {"cascade"}, "trees": {"single"}, "line": {"linear"}}
LEAST = 0.95  # of the draws in which the right family is picked

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def main() -> int:
    """Print, for each world, what was picked, and how often a worse model replaced the champion."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project with the cascade")
    parser.add_argument("--seeds", type=int, default=20, help="how many draws of each world (default 20)")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.project / "src"))
    package = next((arguments.project / "src").glob("*/settings.py")).parent.name
    settings = import_module(f"{package}.settings").read_settings(arguments.project / "settings.toml")
    kept = []
    for world, right in RIGHT.items():
        picked: Counter[str] = Counter()
        replaced = worse = 0
        for seed in range(arguments.seeds):
            name, better, loss = drawn(package, settings, world, seed)
            picked[name] += 1
            replaced += better
            worse += better and loss > 0
        share = sum(picked[name] for name in right) / arguments.seeds
        kept += [share >= LEAST, worse == 0]
        told = ", ".join(f"{name} {count}" for name, count in picked.most_common())
        told += f"); champion replaced {replaced} times, {worse} by a worse one"
        print(f"{world:10}right in {share:4.0%} ({told}", flush=True)
    print("every bound is kept" if all(kept) else "MISSED: see above")
    return int(not all(kept))


def drawn(package: str, settings: Any, world: str, seed: int) -> tuple[str, bool, float]:
    """What the gate picks, whether that replaces the champion, and how much worse than a standard error it is in truth."""
    names = ("model.candidates", "model.answers", "gate")
    models, answering, gate = (import_module(f"{package}.{name}") for name in names)
    rng = np.random.default_rng([seed, sorted(RIGHT).index(world)])
    few, train, test, truth = (sample(world, rng, rows) for rows in (TRAIN // 2, TRAIN, TEST, TRUTH))
    # The champion is any of the models, trained on half as many rows; or, in every other draw, on as many, and so often better.
    before = train if seed % 2 else few
    fitted = {name: learned(models, model, train) for name, model in models.candidates(settings).items()}
    kind = sorted({*fitted} - {"dummy"})[seed % (len(fitted) - 1)]
    champion = learned(models, models.candidates(settings)[kind], sample(world, rng, len(before[1])))
    everybody = fitted | {"champion": champion}
    index = pd.RangeIndex(TEST)
    answers = {name: answering.said(model, test[0], index) for name, model in everybody.items()}
    rows = pd.DataFrame({"target": test[1], "group": index, "segment": test[2]})
    judge = gate.Gate(settings.gate, settings.data, rows, answers, dict.fromkeys(answers, 1.0))
    name, better, _ = judge.choice()
    if name is None or not better:
        return name or kind, False, 0.0  # where none may answer, the champion stays
    said = {one: np.log(everybody[one].predict_proba(truth[0])) for one in (name, "champion")}
    places = np.searchsorted(everybody[name].classes_, truth[1])
    losses = said["champion"][np.arange(TRUTH), places] - said[name][np.arange(TRUTH), places]
    gain = judge.comparison.gain(name, "champion")
    return name, True, float(losses.mean()) - (gain.high - gain.low) / 4  # an interval of 95 % is four standard errors


def learned(models: Any, model: Any, rows: Rows) -> Any:
    """A model that learned from rows, each of a group of its own."""
    return models.fitted(model, *rows, np.arange(len(rows[1])))


def sample(world: str, rng: np.random.Generator, rows: int) -> Rows:
    """Ten columns, of which the first tells the segment; what is picked, and the segment."""
    X = rng.normal(size=(rows, 10))  # noqa: N806 # the field's name
    segment = np.where(rng.random(rows) < 0.5, "adult", "under_18")
    X[:, 0] += np.where(segment == "adult", 1.5, -1.5)
    match world:
        case "segments":
            score = (X[:, 1] + X[:, 2] - X[:, 3]) * np.where(segment == "adult", 1.5, -1.5)
        case "trees":
            score = 3 * np.sign(X[:, 1]) * np.sign(X[:, 2]) * (np.abs(X[:, 3]) > 0.4)
        case _:
            score = X[:, 1:] @ np.linspace(-1, 1, 9)
    return X, np.where(rng.random(rows) < 1 / (1 + np.exp(-score)), "yes", "no"), segment.astype(object)


if __name__ == "__main__":
    sys.exit(main())
