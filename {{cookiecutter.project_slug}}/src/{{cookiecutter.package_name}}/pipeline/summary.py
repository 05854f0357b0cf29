"""The end of a run in one table: every candidate, what is held against it, who answers now, and where things lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..registry import FOLDER, current_version
from .freshness import artifacts


def show(root: Path) -> None:
    """Print the table of the last finished run."""
    measured = json.loads((artifacts(root) / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    decision = json.loads((artifacts(root) / "promote" / "decision.json").read_text(encoding="utf-8"))
    scores, metric = measured["scores"], decision["metric"]
    others = [name for name in scores["dummy"]["all"] if name != metric]
    table = Table(title=f"on {measured['rows']['all']} test rows", title_justify="left")
    table.add_column("candidate")
    for name in (f"{metric} ◂", f"{100 * decision['confidence']:g} % interval", *others):
        table.add_column(name, justify="right")
    for row in decision["candidates"]:
        shown = [f"{row['score']:z.3f}", f"{row['low']:z.3f} to {row['high']:z.3f}"]
        shown += [f"{scores[row['name']]['all'][name]:z.3f}" for name in others]
        table.add_row(row["name"], *shown, style="bold" if row["name"] == decision["best"] else "")
    console = Console()
    console.print(table)
    for row in decision["candidates"][1:]:  # the first is the dummy
        for reason in row["refused"]:
            console.print(f"{row['name']} {reason}", soft_wrap=True, highlight=False)
    console.print(decision["why"], soft_wrap=True, highlight=False)
    console.print(_verdict(decision, current_version(root / FOLDER)), soft_wrap=True, highlight=False)
    console.print("report: artifacts/report/report.html · model: models/ · next: make predict, make help", soft_wrap=True)


def _verdict(decision: dict[str, Any], answers: str | None) -> str:
    if answers is None:
        return "no model answers yet"
    if answers == decision["version"] == decision["champion"]:
        return f"model {answers} answers already, and {decision['best']} is the same"
    if answers == decision["version"]:
        return f"{decision['best']} answers as model {answers}"
    return f"model {answers} answers" + (
        "" if decision["version"] is None else f"; model {decision['version']} is kept beside it"
    )
