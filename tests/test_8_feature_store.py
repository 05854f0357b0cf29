"""A project's feature store keeps its contract, also when its writers are killed and its readers do not wait."""

import shutil
from pathlib import Path

import pytest
from conftest import Render
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
