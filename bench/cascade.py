"""What the cascade costs beside its parts, and what a router that knows its rows by heart costs it, in one run.

    python bench/cascade.py --project FOLDER [--rounds N] [--seeds N]

FOLDER is a rendered project with a cascade; it need not have run. Its parts are fitted and asked by hand on the same rows, and
the best of N turns counts, on one thread. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from emoji import imported
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold

ROWS, COLUMNS, CLASSES, FOLDS = 3000, 180, 5, 5  # as the demo data have, encoded
BATCH = 10_000  # rows to predict
FIT_RATIO, PREDICT_RATIO = 1.3, 1.2
LEAST_HARM = 0.2  # of log-loss, when a forest's routes are those of the rows that it has learned
PARTS = {
    "linear": LogisticRegression(max_iter=1000),
    "gradient boosting": HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=15, early_stopping=False),
}

World = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def main() -> int:
    """Print each measure against its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project with a cascade")
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="turns of each fit, of which the best counts (default 3); of each prediction 20 times as many",
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many synthetic worlds (default 5)")
    arguments = parser.parse_args()
    module = import_module(f"{imported(arguments.project.resolve())}.model.cascade")
    with import_module("threadpoolctl").threadpool_limits(1):
        kept = [costs(module.Cascade, name, routing, arguments.rounds) for name in PARTS for routing in ("soft", "hard")]
        kept.append(harm(module, arguments.seeds))
    return int(not all(kept))


def two_regimes(seed: int, rows: int = ROWS, columns: int = COLUMNS) -> World:
    """Rows, target, segment and whose row it is: four of each; in each segment other columns tell the target."""
    rng = np.random.default_rng(seed)
    groups = np.arange(rows) // 4
    first = (rng.random(rows) < 0.5)[groups]
    encoded = rng.normal(size=(rows, columns))
    encoded[:, 0] += np.where(first, 0.7, -0.7)
    scores = [encoded[:, 1:] @ rng.normal(size=(columns - 1, CLASSES)) * 3 / columns**0.5 for _ in range(2)]
    y = (np.where(first[:, None], *scores) + rng.gumbel(size=(rows, CLASSES))).argmax(axis=1)
    return encoded, y, np.where(first, "a", "b").astype(object), groups


def costs(made: Any, name: str, routing: str, rounds: int) -> bool:
    """The cascade's seconds by those of its parts, to fit them and to ask them."""
    part = PARTS[name]
    encoded, y, segment, groups = world = two_regimes(0)
    cascade = made(part, part, routing=routing, folds=FOLDS).fit(encoded, y, segment=segment, groups=groups)
    batch = two_regimes(1, BATCH)[0]
    rows = rows_of(cascade, batch)
    fit = turns(
        lambda: cascade.fit(encoded, y, segment=segment, groups=groups),
        lambda: fit_by_hand(part, world, routing),
        rounds,
    )
    predict = turns(lambda: cascade.predict_proba(batch), lambda: ask_by_hand(cascade.parts(), batch, rows), 20 * rounds)
    what = f"{name}, {routing}"
    return line(f"fit, of its parts: {what}", *fit, FIT_RATIO) & line(f"predict: {what}", *predict, PREDICT_RATIO)


def rows_of(cascade: Any, encoded: np.ndarray) -> dict[str, np.ndarray]:
    """Which rows each specialist has a say in: all in soft routing, in hard the sure ones of its own and the unsure ones."""
    route = cascade.route(encoded)
    unsure = (cascade.routing == "soft") | (route["probability"] < (1 + cascade.band) / 2)  # of two routes
    return {name: np.flatnonzero(unsure | (route["route"] == name)) for name in cascade.routes_}


def fit_by_hand(part: BaseEstimator, world: World, routing: str) -> None:
    """Each part once, and the routes out of fold."""
    encoded, y, segment, groups = world
    unseen = np.zeros((len(encoded), 2))
    for train, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(encoded, segment, groups):
        unseen[test] = clone(part).fit(encoded[train], segment[train]).predict_proba(encoded[test])
    unseen = np.log(np.clip(unseen, 1e-6, 1))
    calibration = LogisticRegression(C=100.0).fit(unseen, segment)
    taught = calibration.predict(unseen) if routing == "hard" else segment
    clone(part).fit(encoded, segment)
    for own in (slice(None), taught == "a", taught == "b"):
        clone(part).fit(encoded[own], y[own])


def ask_by_hand(parts: dict[str, Any], encoded: np.ndarray, rows: dict[str, np.ndarray]) -> None:
    """The router, and the specialists for their rows."""
    parts["calibration"].predict_proba(np.log(np.clip(parts["router"].predict_proba(encoded), 1e-6, 1)))
    for name, own in rows.items():
        parts[f"specialist {name}"].predict_proba(encoded if len(own) == len(encoded) else encoded[own])


def harm(module: Any, seeds: int) -> bool:
    """A forest routes, hard: log-loss with routes out of fold, and with those of the very rows that it has learned."""
    ways = {"out of fold": module.by_others, "in sample": remembered}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for seed in range(seeds):
        encoded, y, segment, groups = two_regimes(seed, ROWS, 12)
        learned, new = slice(ROWS // 2), slice(ROWS // 2, None)
        for name, way in ways.items():
            module.by_others = way
            cascade = module.Cascade(RandomForestClassifier(50, random_state=0), PARTS["linear"], routing="hard", folds=FOLDS)
            cascade.fit(encoded[learned], y[learned], segment=segment[learned], groups=groups[learned])
            found[name].append(log_loss(y[new], cascade.predict_proba(encoded[new])))
    more = mean(found["in sample"]) - mean(found["out of fold"])
    print("  ".join(f"log-loss, routes {name}: {mean(losses):.3f}" for name, losses in found.items()))
    kept = more >= LEAST_HARM
    print(f"{'log-loss that routes in sample add':50}{more:6.2f}  at least {LEAST_HARM}  {'kept' if kept else 'MISSED'}")
    return kept


def remembered(router: BaseEstimator, encoded: np.ndarray, labels: np.ndarray, *_: Any) -> np.ndarray:
    """What a router says of the rows that it has learned."""
    return np.asarray(clone(router).fit(encoded, labels).predict_proba(encoded))


def turns(ours: Callable[[], object], plain: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The least seconds that each takes, in turns: what else the machine does then meets both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for measured, spent in zip((ours, plain), seconds, strict=True):
            start = time.perf_counter()
            measured()
            spent.append(time.perf_counter() - start)
    return min(seconds[0]), min(seconds[1])


def line(what: str, ours: float, plain: float, bound: float) -> bool:
    """Print a measure and whether it keeps its bound."""
    kept = ours / plain <= bound
    verdict = "kept" if kept else "MISSED"
    print(f"{what:50}{ours / plain:6.2f}  at most {bound}  {verdict}  ({ours * 1e3:.1f} ms / {plain * 1e3:.1f} ms)", flush=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())
