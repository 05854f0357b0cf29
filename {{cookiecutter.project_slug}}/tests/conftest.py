"""What the tests share: this project, run once on little data in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from {{ cookiecutter.package_name }}.pipeline.runner import run_step
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS, ordered
from {{ cookiecutter.package_name }}.serving.predictor import Predictor, load_predictor
from {{ cookiecutter.package_name }}.settings import Settings, read_settings
from {{ cookiecutter.package_name }}.tables import Table

HOME = Path(__file__).parents[1]
MADE = ("artifacts", "feature_store", "models", "monitoring", "predictions")  # by this project's own runs and answers
DEMO_ROWS = 1600  # per demo table: enough for a model to beat the dummy beyond chance, by numbers and categories alone
ROUNDS = 10  # of gradient boosting: quick to fit, to save and to load, and no test asks for a good model


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tests often run beside others, where the threads of one model wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def settings() -> Settings:
    """This project's settings, with little demo data and few trees, and no hand that a model waits for."""
    whole = read_settings(HOME / "settings.toml")
    tables = {name: _small(table) for name, table in whole.tables.items()}
    model = whole.model.model_copy(update={"boosting_rounds": min(whole.model.boosting_rounds, ROUNDS)})
    gate = whole.gate.model_copy(update={"approve": "gate"})
    return whole.model_copy(update={"tables": tables, "model": model, "gate": gate})


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """A folder in which every step ran, with links to the files of this one. Tests read it, or change a copy."""
    folder = tmp_path_factory.mktemp("project")
    for path in HOME.iterdir():
        if path.name not in MADE and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    for step in ordered(STEPS):
        run_step(step, settings, folder)
    return folder


@pytest.fixture(scope="session")
def predictor(root: Path) -> Predictor:
    """The model that this run promoted."""
    return load_predictor(root)


@pytest.fixture(scope="session")
def rows(root: Path, settings: Settings) -> pd.DataFrame:
    """Rows as they were validated, a few."""
    return pd.read_parquet(root / "artifacts" / "validate" / f"{settings.data.rows}.parquet").head(20)


def _small(table: Table) -> Table:
    return table if table.demo is None else Table(demo=min(table.demo, DEMO_ROWS))
