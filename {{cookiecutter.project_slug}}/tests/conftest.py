"""What the tests share: this project, run once on little data in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.pipeline.runner import run_step
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS, ordered
from {{ cookiecutter.package_name }}.serving.predictor import Predictor, load_predictor
from {{ cookiecutter.package_name }}.settings import Settings, Table, read_settings

HOME = Path(__file__).parents[1]
DEMO_ROWS = 800  # per demo table: enough for each segment to get its specialist


@pytest.fixture(scope="session")
def settings() -> Settings:
    """This project's settings, with little demo data and with its own files where they lie."""
    whole = read_settings(HOME / "settings.toml")
    return whole.model_copy(update={"tables": {name: _small(table) for name, table in whole.tables.items()}})


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """A folder in which every step ran. Tests read it; one that changes something takes a copy."""
    folder = tmp_path_factory.mktemp("project")
    for step in ordered(STEPS):
        run_step(step, settings, folder)
    return folder


@pytest.fixture(scope="session")
def predictor(root: Path) -> Predictor:
    """The model that this run promoted."""
    return load_predictor(root)


@pytest.fixture(scope="session")
def rows(root: Path, settings: Settings) -> pd.DataFrame:
    """Raw rows as they were ingested, a few."""
    return pd.read_parquet(root / "artifacts" / "ingest" / f"{settings.data.rows}.parquet").head(20)


def _small(table: Table) -> Table:
    if table.demo is not None:
        return Table(demo=min(table.demo, DEMO_ROWS))
    update = {name: str(HOME / path) for name in ("path", "database") if (path := getattr(table, name)) is not None}
    return table.model_copy(update=update)
