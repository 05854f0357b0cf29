"""A run is logged to a real MLflow on SQLite: what it was told, what it found, what it made, and the model that answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Render
from project import CommandFailed, Project


@pytest.fixture
def project(render: Render) -> Project:
    """A small project that tracks its runs in a file of its own."""
    made = render("copier", modalities="tabular", model="single", serving="batch")
    made.edit_settings((r'uri = ""', 'uri = "sqlite:///mlflow.db"'), (r"demo = \d+", "demo = 1600"))
    return made


def decision(project: Project) -> dict[str, Any]:
    """What the gate decided."""
    found: dict[str, Any] = json.loads((project.folder / "artifacts" / "promote" / "decision.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_runs_are_tracked(project: Project) -> None:
    """Parameters, metrics, tables and the bundle as they lie here; the version that answers is the champion; nothing twice."""
    from mlflow import MlflowClient  # it takes seconds, and the other tests do not need it

    command = ["python", "-m", project.package]
    said = project.with_libraries(*command, "run")
    uri = f"sqlite:///{project.folder / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name("next-pick")
    assert experiment
    (run,) = client.search_runs([experiment.experiment_id])
    measured = json.loads((project.folder / "artifacts" / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    first = decision(project)

    assert f"tracked as {run.info.run_id} in sqlite:///mlflow.db" in said
    assert ("FINISHED", first["version"]) == (run.info.status, run.info.run_name)
    assert ("single", "0.95", "['hour', 'minutes_7d', 'sessions_7d']") == tuple(
        run.data.params[name] for name in ("model.kind", "gate.confidence", "columns.numbers")
    )
    for candidate, parts in measured["scores"].items():
        for metric, value in parts["all"].items():
            assert value == run.data.metrics[f"{candidate}/{metric}"]
    assert any(name.startswith("single/log_loss/age_group") for name in run.data.metrics)
    kept = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"bundle", "candidates.json", "report.html", "slices.json"} == kept
    bundle = Path(client.download_artifacts(run.info.run_id, "bundle", str(project.folder / "artifacts")))
    assert files(project.folder / "models" / first["version"]) == files(bundle)
    champion = client.get_model_version_by_alias("next-pick", "champion")
    assert (run.info.run_id, first["version"]) == (champion.run_id, champion.tags["version"])

    assert "MLflow has this run already" in project.with_libraries(*command, "run")
    project.edit_settings((r"boosting_rounds = \d+", "boosting_rounds = 59"))
    project.with_libraries(*command, "run")
    assert 2 == len(client.search_runs([experiment.experiment_id]))
    assert not decision(project)["promoted"]
    assert {first["version"], decision(project)["version"]} == {
        found.tags["version"] for found in client.search_model_versions("name = 'next-pick'")
    }
    assert champion.version == client.get_model_version_by_alias("next-pick", "champion").version


@pytest.mark.slow
def test_tracking_that_fails_is_one_sentence(project: Project) -> None:
    """Where MLflow cannot write, the run has been done all the same, and its model answers."""
    project.edit_settings(("sqlite:///mlflow.db", "nonsense://somewhere"))

    with pytest.raises(CommandFailed, match=r"error: MLflow could not track the run: .*nonsense") as failed:
        project.with_libraries("python", "-m", project.package, "run")
    assert "Traceback" not in str(failed.value)
    assert decision(project)["promoted"]


def files(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
