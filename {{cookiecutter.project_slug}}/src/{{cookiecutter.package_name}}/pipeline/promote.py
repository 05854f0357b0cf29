"""Promote: the model that passes the gate is kept, and takes the place of the one that answers if it is better.

Whichever it is: where the single or the linear model will do, that one is promoted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from .. import bundle, registry
from ..card import MadeOf, Measured, Origin, version_of
from ..digests import digest_of
from ..gate import CHAMPION, Gate
from ..model.answers import Answerer
from ..model.persistence import file_of, load
from ..reference import Reference
from ..refusal import Refusal
from ..settings import Settings
from .freshness import PACKAGE, artifacts, code, read_manifest

ROUNDS = 8  # in which the golden rows, the largest pictures among them, are answered one by one


class Overtaken(Refusal):
    """A model that was compared with another champion than the one that answers now."""


def run(settings: Settings, out: Path, root: Path, fit: Path, evaluate: Path) -> list[Path]:
    """Write `decision.json`, and the winner's bundle into the registry; tell its files, so that their loss is noticed."""
    rules, models = settings.gate, root / registry.FOLDER
    measured = json.loads((evaluate / "metrics.json").read_text(encoding="utf-8"))
    answers = {name: pd.read_parquet(evaluate / "answers" / f"{name}.parquet") for name in measured["scores"]}
    candidates = [name for name in answers if name != CHAMPION]
    parts = {name: made_of(name, fit, settings) for name in candidates}
    champion, compared = registry.current_version(models), measured["champion"]["version"]
    if champion is None:  # none has answered yet, or the registry was lost, and with it the model that was compared
        answers.pop(CHAMPION, None)
    elif champion != compared and champion not in [version_of(made) for made in parts.values()]:
        raise Overtaken(
            f"model {champion} answers now, and the candidates were compared with {compared}; "
            "compare them anew with `step evaluate --force`"
        )
    rows, sizes = pd.read_parquet(evaluate / "rows.parquet"), {name: _kilobytes(fit, name, settings) for name in candidates}
    twin = next((name for name, made in parts.items() if version_of(made) == champion), None)
    gate = Gate(rules, settings.data, rows, answers, sizes, twin)
    (name, better, why), waits = _choice(gate, fit, settings), False
    version = name and version_of(parts[name])
    if name and version:
        origin = _origin(name, parts[name], measured["scores"][name]["all"], gate.measured(name), fit, settings)
        golden = pd.read_parquet(fit / "golden.parquet")
        reference = Reference.load(fit).with_answers(answers[name], rows["entity"], rows.get("time"))
        bundle.save(models / version, origin, _pipeline(fit, name, settings), golden, reference, settings.model.saved_as)
        approved = champion == version or (better and rules.approve == "gate")
        waits = better and not approved
        if approved:
            registry.succeed(models, version, champion)
        elif waits:
            why += f"; it waits for your word: `models promote {version}`"
        registry.prune(models, rules.keep)
        better = approved
    if measured["champion"]["reason"]:
        reason = measured["champion"]["reason"].partition("; ")[0]  # this run has done what the rest advises
        why += f"; model {compared} was not compared: {reason.removeprefix(f'model {compared} ')}"
    decision = {"metric": rules.metric, "confidence": rules.confidence, "best": name, "version": version, "promoted": better}
    decision |= {"waits": waits, "why": why, "champion": champion, "slices": gate.slice_rows()}
    decision |= {"candidates": [verdict.row() for verdict in gate.verdicts.values()]}
    (out / "decision.json").write_text(json.dumps(decision, indent=1), encoding="utf-8")
    return sorted((models / version).iterdir()) if version else []


def waiting(root: Path) -> str | None:
    """The version that the last run kept for a hand to promote; none, if it answers by now."""
    path = artifacts(root) / "promote" / "decision.json"
    decision = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    version: str | None = decision["version"] if decision.get("waits") else None
    return None if version == registry.current_version(root / registry.FOLDER) else version


def _choice(gate: Gate, fit: Path, settings: Settings) -> tuple[str | None, bool, str]:
    """The gate's choice, of which the time is taken: one that is too slow is chosen no more."""
    most = settings.gate.max_p95_ms
    while True:
        name, better, why = gate.choice()
        if name is None or gate.verdicts[name].p95_ms is not None:
            return name, better, why
        with threadpool_limits(settings.model.threads):
            taken = p95_ms(_pipeline(fit, name, settings), pd.read_parquet(fit / "golden.parquet"), settings.columns.names)
        gate.time(
            name, taken, f"takes {taken:.0f} ms for a row, in one of 20 cases more, above {most:g}" if taken > most else None
        )


def p95_ms(pipeline: Pipeline, golden: pd.DataFrame, columns: Sequence[str]) -> float:
    """The milliseconds in which 95 of 100 single rows are answered; the largest pictures are among the golden rows."""
    answerer, taken = Answerer(pipeline), []
    for row in golden[list(columns)].to_dict(orient="records") * ROUNDS:
        start = time.perf_counter()
        answerer.answer({str(name): value for name, value in row.items()})
        taken.append(1000 * (time.perf_counter() - start))
    return float(np.percentile(taken, 95))


def _pipeline(fit: Path, name: str, settings: Settings) -> Pipeline:
    """The encoder and a candidate, as one."""
    encoder, model = (load(file_of(fit, part, settings.model.saved_as)) for part in ("encoder", name))
    return Pipeline([("encode", encoder), ("model", model)])


def _kilobytes(fit: Path, name: str, settings: Settings) -> float:
    return sum(file_of(fit, part, settings.model.saved_as).stat().st_size for part in ("encoder", name)) / 1000


def made_of(name: str, fit: Path, settings: Settings) -> MadeOf:
    """Digests of what a model is made of; `fit` tells what it has read."""
    manifest = read_manifest(fit) or {}
    key = manifest.get("key", {})
    learns = {part: key.get(part) for part in ("code", "libraries", "python")} | {"files": manifest.get("sources")}
    own = settings.model_dump(mode="json", include={"data", "columns", "split"}) | _behind_logic(settings)
    views = (fit / "views.sha256").read_text(encoding="utf-8")
    limits = settings.model_dump(mode="json", include={"validation": {"columns"}})
    return {
        "interface": digest_of([own.pop("data"), own.pop("columns"), limits, views]),
        "split": digest_of(own.pop("split")),
        "logic": digest_of([name, own, learns]),
        "data": (fit / "train.sha256").read_text(encoding="utf-8"),
    }


def _behind_logic(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", include={"encoders", "model", "cascade", "seed"})


def _origin(name: str, made: MadeOf, scores: dict[str, float], measured: Measured, fit: Path, settings: Settings) -> Origin:
    return Origin(
        version=version_of(made),
        made_of=made,
        candidate=name,
        data=settings.data,
        columns=settings.columns,
        split=settings.split,
        limits=settings.validation.columns,
        settings=_behind_logic(settings),
        scores=scores,
        measured=measured,
        views=(fit / "views.sha256").read_text(encoding="utf-8"),
        training_data=made["data"],
        code=digest_of(code(PACKAGE.rglob("*.py"))),
    )
