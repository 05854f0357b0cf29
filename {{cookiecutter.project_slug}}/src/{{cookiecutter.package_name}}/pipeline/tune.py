"""Tune: better values for settings, sought by Optuna on folds of the training rows; test rows are not read.

Finished trials are kept, and where the next one looks depends on them alone: a search that was killed goes on as if it had not
been. Optuna's own stores do not: half a line spoils its journal for good, and in SQLite the first point is not asked again.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from ..compute import each, inner_loops
from ..data.schema import categories, conform
from ..digests import digest, digest_of
from ..metrics import metric, scores
from ..model.candidates import candidates
from ..refusal import Refusal
from ..settings import Settings
from .fit import trained
from .freshness import artifacts, is_fresh, key
from .search_space import Point, Space, put, told
from .steps import STEPS, needed, network_files

DRAWS = 100  # of points that were all tried before: then no other is left


def tuned(settings: Settings, root: Path, clock: Callable[[], float] = time.monotonic) -> Iterator[tuple[int, str]]:
    """Search, and put the best values where `fit` reads them: into settings.toml.

    Args:
        settings: of the project; `tune` says what is sought.
        root: the project's folder.
        clock: seconds.

    Yields:
        The number of trials that are done, and a line about the last or about what came of them.

    Raises:
        Refusal: there is nothing to search, or the training set is not what the pipeline would make now.
    """
    with FileLock(artifacts(root) / ".tune.lock"):  # a second search waits, then finds the trials done
        search = Search(settings, root)
        with inner_loops(settings.compute):
            for line in search.run(clock() + 60 * settings.tune.minutes, clock):
                yield len(search.trials), line
        for line in search.end(root / "settings.toml"):
            yield len(search.trials), line


class Search:
    """The search of `tune.space` for what makes the model of `model.kind` best by `gate.metric`."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings, self.root, self.space = settings, root, Space(settings)
        self.metric = settings.gate.metric
        self.sign = 1 if metric(self.metric, settings.data.task).greater_is_better else -1
        stale = [step.name for step in needed(STEPS, "training_set") if not is_fresh(step, settings, root)]
        if stale:
            raise Refusal(f"the training set is not up to date, for step {stale[0]} would run again; type `make run` first")
        self.rows = pd.read_parquet(artifacts(root) / "training_set" / "train.parquet")
        self.folds = folds(self.rows, settings)
        self.path = artifacts(root) / "tune" / f"{self._comparable()}.json"
        kept = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else []
        self.trials: list[tuple[Point, float]] = [(point, score) for point, score in kept]

    def run(self, deadline: float, clock: Callable[[], float]) -> Iterator[str]:
        """Try points until there are enough or the time is up; a line about each."""
        while point := self._next():
            in_time = takewhile(lambda _: clock() < deadline, self.folds)
            found = list(each(self._score, ((point, *fold) for fold in in_time)))
            if len(found) < len(self.folds):
                return
            self.trials.append((point, float(np.mean(found))))
            self._keep()
            best = ", the best so far" if self._best() == self.trials[-1] else ""
            note = ", with what settings.toml says" if point == self.space.present else best
            number = f"trial {len(self.trials)} of {self.settings.tune.trials}"
            yield f"{number}: {self.metric} {np.mean(found):.4f}{note}: {told(point)}"

    def end(self, path: Path) -> Iterator[str]:
        """Put the best values into settings.toml, if they are better than what stands there; lines about it.

        Raises:
            Refusal: it is not known how good those are, or they were edited meanwhile.
        """
        tune, present = self.settings.tune, self.space.present
        before = [score for point, score in self.trials if point == present]
        if not before:
            raise Refusal(f"not one trial was done within tune.minutes = {tune.minutes:g}; raise it in settings.toml")
        if self._next():
            yield f"the time is up after {len(self.trials)} of {tune.trials} trials; another search goes on with the others"
        point, score = self._best()
        where = f"{self.metric} over {len(self.folds)} folds of the training rows"
        if score == before[0]:
            yield f"{where}: {score:.4f} with what settings.toml says, and no better elsewhere; it stays as it is"
            return
        self.space.write(point, path)
        yield f"{where}: {score:.4f}, before {before[0]:.4f}; the test rows will tell what it is worth"
        for name, value in point.items():
            if value != present[name]:
                yield f"settings.toml: {told({name: value})}, before {json.dumps(present[name])}"
        yield "next: make run"

    def _next(self) -> Point | None:
        """The point to be tried next: what settings.toml says, then what Optuna draws; None if that was all."""
        tried = [point for point, _ in self.trials]
        if self.space.present not in tried:
            return self.space.present
        if len(tried) >= self.settings.tune.trials:
            return None
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=(self.settings.seed + len(tried)) % 2**32)
        study = optuna.create_study(sampler=sampler, direction="maximize" if self.sign > 0 else "minimize")
        with warnings.catch_warnings(action="ignore"):  # that Optuna could not store a list
            space = self.space.distributions()
        for point, score in self.trials:
            with suppress(ValueError):  # what settings.toml says may lie outside the space
                study.add_trial(optuna.create_trial(params=point, distributions=space, value=score))
        drawn = (self.space.rounded(study.ask(space).params) for _ in range(DRAWS))
        return next((point for point in drawn if point not in tried), None)

    def _score(self, point: Point, train: np.ndarray, held: np.ndarray) -> float:
        """How the model does on held rows, of which neither it nor its encoder has seen any."""
        settings, rows = self.space.settings_at(point), self.rows.iloc[held]
        data, columns, kind = settings.data, settings.columns, settings.model.kind
        try:
            encode, models = trained(settings, self.root, self.rows.iloc[train], {kind: candidates(settings)[kind]})
            encoded, model = encode.transform(conform(rows, columns.modalities())[list(columns.names)]), models[kind]
            shares = (model.predict_proba(encoded), model.classes_) if data.task == "classification" else ()
            return scores(data.task, rows[data.target].to_numpy(), model.predict(encoded), *shares)[self.metric]
        except Refusal:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise Refusal(f"training with {told(point)} failed: {why}; take that out of tune.space") from error

    def _best(self) -> tuple[Point, float]:
        """The best trial, the first of equals."""
        return max(self.trials, key=lambda trial: self.sign * trial[1])

    def _keep(self) -> None:
        """Write the trials down: a kill leaves these, or those of before."""
        self.path.parent.mkdir(exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.trials, indent=1), encoding="utf-8")
        new.replace(self.path)

    def _comparable(self) -> str:
        """A digest of all that trials share whose scores may be compared."""
        fit = next(step for step in STEPS if step.name == "fit")
        shared = key(replace(fit, name="tune"), self.settings, self.root)
        for name in self.space.knobs:
            put(shared["settings"], name, None)
        own = self.settings.model_dump(mode="json", include={"split": {"by"}, "gate": {"metric"}, "tune": {"folds"}})
        return digest_of([shared, own, [digest(path) for path in network_files(self.settings, self.root)]])[:12]


def folds(rows: pd.DataFrame, settings: Settings) -> list[tuple[np.ndarray, np.ndarray]]:
    """The places of rows to learn from and of rows to judge by; those of one value of `split.by` are on one side.

    Raises:
        Refusal: there is one value.
    """
    groups = pd.factorize(categories(rows[settings.split.by]))[0]
    count = min(settings.tune.folds, len(set(groups)))
    if count < 2:
        raise Refusal(f"all training rows have one value of split.by = {settings.split.by!r}; none are left to judge by")
    kind = StratifiedGroupKFold if settings.data.task == "classification" else GroupKFold
    return list(kind(count, shuffle=True, random_state=settings.seed).split(rows, rows[settings.data.target], groups))
