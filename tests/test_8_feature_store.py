"""A project's feature store keeps its contract, also when its writers are killed and its readers do not wait."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import Render
from project import CommandFailed
from variants import SUPPORTED

FAULTS = Path(__file__).with_name("store_faults.py")


@pytest.mark.parametrize("feature_store", SUPPORTED["feature_store"])
def test_store_keeps_its_contract(feature_store: str, render: Render) -> None:
    """The tests of a project's store pass by themselves; every store has the same, and some of its own."""
    project = render("copier", feature_store=feature_store, modalities="tabular", model="single")
    tests = sorted(str(path.relative_to(project.folder)) for path in project.folder.glob("tests/code/test_*store.py"))

    assert "tests/code/test_feature_store.py" in tests
    project.warm("pytest", "-q", "-p", "no:cacheprovider", *tests)


@pytest.mark.slow
@pytest.mark.parametrize("feature_store", SUPPORTED["feature_store"])
@pytest.mark.parametrize("scenario", ["killed_writers", "readers_and_a_writer", "appenders"])
def test_nothing_is_lost_torn_or_mixed(feature_store: str, scenario: str, render: Render, tmp_path: Path) -> None:
    """`kill -9` at any moment leaves the state before or the state after; readers see one state; writers wait."""
    project = render("copier", feature_store=feature_store, modalities="tabular", model="single")
    shutil.copy(FAULTS, project.folder)
    (tmp_path / "faults").mkdir()

    project.warm("store_faults", project.package, scenario, str(tmp_path / "faults"))


def test_stores_agree_on_the_same_files(render: Render, tmp_path: Path) -> None:
    """A store that DuckDB's project has written is read by Feast's, where it lies; both tell the same history."""
    projects = [render("copier", feature_store=name, modalities="tabular", model="single") for name in ("duckdb", "feast")]
    own, feast = projects
    own.warm(own.package, "features", "materialize")
    settings = feast.folder / "settings.toml"
    text = settings.read_text(encoding="utf-8").replace('store = "feature_store"', f'store = "{own.folder / "feature_store"}"')
    settings.write_text(text, encoding="utf-8")
    labels = own.folder / "artifacts" / "ingest" / "requests.parquet"
    for project in projects:
        project.warm(project.package, "features", "history", str(labels), "history.parquet", "--time", "requested_at")
    ours, theirs = (pd.read_parquet(project.folder / "history.parquet") for project in projects)

    assert ours["minutes_7d"].notna().sum() > 1000
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    with pytest.raises(CommandFailed, match="is another project's and only read here"):
        feast.warm(feast.package, "features", "delete", "user_id=7")
