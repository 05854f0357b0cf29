"""The two versions of pandas that projects meet tell the same of the same rows: Feast forbids the newer one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from conftest import Render
from project import FEAST, Project


@pytest.mark.slow
def test_old_and_new_pandas_agree(render: Render) -> None:
    """A model of pandas 3 answers under pandas 2 as it does under 3, and the pipeline learns the same under both."""
    new = render("copier")
    rows = new.folder / "artifacts" / "ingest" / "requests.parquet"
    old = replace(new, folder=new.folder.parent / "old")
    shutil.copytree(new.folder, old.folder)
    new.warm(new.package, "run")
    answers = {version: scored(new, python, rows) for version, python in {"new": str(new.python), "old": str(FEAST)}.items()}
    old.run(str(FEAST), "-m", old.package, "run", env=old.environment())

    assert "2." == old.run(str(FEAST), "-c", "import pandas; print(pandas.__version__)")[:2]
    pd.testing.assert_frame_equal(answers["new"], answers["old"], rtol=0, atol=1e-12)
    assert scores(new) == pytest.approx(scores(old), rel=0, abs=1e-9)


def scored(project: Project, python: str, rows: Path) -> pd.DataFrame:
    """The model's answers to rows, by a process of that Python."""
    answers = project.folder / "answers.csv"
    project.run(python, "-m", project.package, "score", str(rows), str(answers), env=project.environment())
    return pd.read_csv(answers).drop(columns="prediction_id")  # each answer has one of its own


def scores(project: Project) -> dict[str, float]:
    """Every score of every candidate."""
    found = json.loads((project.folder / "artifacts" / "evaluate" / "metrics.json").read_text(encoding="utf-8"))["scores"]
    return {
        f"{name} {part} {metric}": value
        for name, parts in found.items()
        for part, own in parts.items()
        for metric, value in own.items()
    }
