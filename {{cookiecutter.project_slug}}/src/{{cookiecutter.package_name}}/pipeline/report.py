"""Report: what the run has decided and why, as a page for people."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from ..report import figures
from ..report.decided import models, sentence
from ..report.page import page
from ..settings import Settings


def run(settings: Settings, out: Path, evaluate: Path, promote: Path) -> None:
    """Write `report.html` and, for tools that compare runs, `scores.json` and, of what decided, `candidates.json`."""
    measured = json.loads((evaluate / "metrics.json").read_text(encoding="utf-8"))
    decision = json.loads((promote / "decision.json").read_text(encoding="utf-8"))
    rows, front = pd.read_parquet(evaluate / "rows.parquet"), figures.front(decision)
    files = {name: evaluate / "answers" / f"{name}.parquet" for name in dict.fromkeys((front, "cascade", "champion"))}
    answers = {name: pd.read_parquet(path) for name, path in files.items() if path.is_file()}
    own = {name: answers[name] for name in (front, "champion") if name in answers}
    shown = [figures.scores(decision, measured["rows"]["all"]), *figures.slices(decision)]
    shown += figures.importance(decision, measured["importance"].get(front, {}))
    if settings.data.task == "classification":
        shown += [figures.calibration(rows["target"], own), figures.confusion(rows["target"], front, own[front])]
    else:
        shown.append(figures.residuals(rows["target"], front, own[front]))
    if "segment" in rows and "cascade" in answers:
        shown += figures.routes(rows["segment"], "the cascade", answers["cascade"])
    title = f"{settings.data.target}: what this run decided"
    scores = {name: parts["all"] for name, parts in measured["scores"].items()}
    (out / "scores.json").write_text(json.dumps(scores, indent=1), encoding="utf-8")
    decided = [{part: one[part] for part in ("name", "score", "low", "high")} for one in decision["candidates"]]
    (out / "candidates.json").write_text(json.dumps(decided, indent=1), encoding="utf-8")
    (out / "report.html").write_text(page(title, sentence(decision), models(decision), shown), encoding="utf-8")
