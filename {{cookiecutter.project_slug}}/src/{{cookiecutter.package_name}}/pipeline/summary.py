"""The end of a run in one table: every candidate against the baselines, who answers now, and where things lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..registry import FOLDER, current
from .freshness import artifacts


def show(root: Path) -> None:
    """Print the table of the last finished run."""
    measured = json.loads((artifacts(root) / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    decision = json.loads((artifacts(root) / "promote" / "decision.json").read_text(encoding="utf-8"))
    scores = measured["scores"]
    table = Table(title=f"on {measured['rows']['all']} test rows", title_justify="left")
    table.add_column("candidate")
    for name in next(iter(scores.values()))["all"]:
        table.add_column(f"{name} ◂" if name == decision["metric"] else name, justify="right")
    for candidate, parts in scores.items():
        style = "bold" if candidate == decision["best"] else ""
        table.add_row(candidate, *(f"{value:.3f}" for value in parts["all"].values()), style=style)
    console = Console()
    console.print(table)
    console.print(_verdict(decision, current(root / FOLDER)), soft_wrap=True)
    console.print("metrics: artifacts/evaluate/metrics.json · model: models/ · next: make predict, make help", soft_wrap=True)


def _verdict(decision: dict[str, Any], promoted: dict[str, Any] | None) -> str:
    metric, best = decision["metric"], decision["best"]
    if decision["version"] is None:
        return f"no model was promoted: by {metric} none beats the dummy by more than gate.min_gain"
    if promoted is not None and promoted["version"] != decision["version"]:
        return f"{best} is best by {metric} as model {decision['version']}; by your choice model {promoted['version']} answers"
    return f"{best} is best by {metric} and answers as model {decision['version']}"
