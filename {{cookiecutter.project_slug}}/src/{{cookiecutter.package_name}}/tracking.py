"""Tracking: what a run was told, what it found and what it made, written to an MLflow server or database.

MLflow is an extra, and asked for by `[tracking]` of settings.toml alone; nothing here is read again by a run.
"""

from __future__ import annotations

import json
import logging
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .digests import digest
from .refusal import Refusal
from .registry import FOLDER
from .sections import Tracking
from .settings import Settings

SECTIONS = ("seed", "data", "columns", "features", "split", "encoders", "model", "cascade", "gate")
LONGEST = 500  # characters of a parameter
CHAMPION = "champion"  # MLflow's alias of the version that answers


class NoTracking(Refusal):
    """Tracking that is asked for and cannot be done."""


def check(tracking: Tracking) -> None:
    """See that MLflow is there if it is asked for.

    Raises:
        NoTracking: it is not.
    """
    if tracking.uri and find_spec("mlflow") is None:
        raise NoTracking(
            f"settings.toml: tracking.uri is {tracking.uri!r}, and MLflow is not installed; "
            "install it with `uv sync --inexact --extra mlflow`, or empty tracking.uri"
        )


def track(settings: Settings, root: Path) -> str | None:
    """Log the last finished run, and register its model; tells the run's id, or None where that run is there already.

    Raises:
        NoTracking: MLflow is absent, or cannot reach what `tracking.uri` names.
    """
    check(settings.tracking)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        return _track(MlflowClient(settings.tracking.uri, settings.tracking.uri), settings, root)
    except MlflowException as error:
        raise NoTracking(
            f"MLflow could not track the run: {' '.join(str(error).split())[:300]}; mend [tracking] of settings.toml"
        ) from error


def parameters(settings: Settings) -> list[tuple[str, Any]]:
    """Every setting that shapes a model, by its dotted name."""
    return _flat(settings.model_dump(mode="json", include=set(SECTIONS)))


def _track(client: Any, settings: Settings, root: Path) -> str | None:
    home, uri = root / "artifacts", settings.tracking.uri
    measured = json.loads((home / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    decision = json.loads((home / "promote" / "decision.json").read_text(encoding="utf-8"))
    told = digest(home / "promote" / "manifest.json")
    experiment = _experiment(client, settings.tracking, root)
    if client.search_runs([experiment], f"tags.run = '{told}' and attributes.status = 'FINISHED'", max_results=1):
        return None
    run = client.create_run(experiment, run_name=decision["version"] or "refused", tags={"run": told, "why": decision["why"]})
    own = run.info.run_id
    for name, value in parameters(settings):
        client.log_param(own, name, str(value)[:LONGEST])
    for candidate, parts in measured["scores"].items():
        for part, scores in parts.items():
            for metric, value in scores.items():
                where = "" if part == "all" else f"/{part}"
                client.log_metric(own, re.sub(r"[^\w\-. /]", "_", f"{candidate}/{metric}{where}"), value)
    for table in ("candidates", "slices"):
        rows = decision[table]
        client.log_table(own, {name: [row[name] for row in rows] for name in rows[0]} if rows else {}, f"{table}.json")
    client.log_artifact(own, str(home / "report" / "report.html"))
    if decision["version"]:
        client.log_artifacts(own, str(root / FOLDER / decision["version"]), "bundle")
        _register(client, settings.tracking.experiment, run, decision)
    client.set_terminated(own)
    return f"{own} in {uri}" if "@" not in uri else str(own)


def _experiment(client: Any, tracking: Tracking, root: Path) -> str:
    """The experiment's id; files of a database that has no server lie in `mlruns/`."""
    found = client.get_experiment_by_name(tracking.experiment)
    place = None if tracking.uri.startswith("http") else (root / "mlruns").as_uri()
    return str(found.experiment_id if found else client.create_experiment(tracking.experiment, place))


def _register(client: Any, name: str, run: Any, decision: dict[str, Any]) -> None:
    """The bundle as a version of the experiment's model; the one that answers has the alias "champion"."""
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    tags = {"version": decision["version"], "candidate": decision["best"]}
    made = client.create_model_version(name, f"{run.info.artifact_uri}/bundle", run.info.run_id, tags=tags)
    if decision["promoted"]:
        client.set_registered_model_alias(name, CHAMPION, made.version)


def _flat(settings: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Settings by their dotted names."""
    found = []
    for name, value in settings.items():
        found += _flat(value, f"{above}{name}.") if isinstance(value, dict) and value else [(f"{above}{name}", value)]
    return found
