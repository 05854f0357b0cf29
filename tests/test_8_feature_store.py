"""A project's feature store keeps its contract, also when its writers are killed and its readers do not wait."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import Render
from project import CommandFailed
from variants import SUPPORTED

ZONES = ("", "America/New_York", "Asia/Kolkata")
FAULTS = Path(__file__).with_name("store_faults.py")


@pytest.mark.parametrize("zone", [pytest.param(zone, marks=pytest.mark.slow if zone else ()) for zone in ZONES])
@pytest.mark.parametrize("feature_store", SUPPORTED["feature_store"])
def test_store_keeps_its_contract(feature_store: str, zone: str, render: Render) -> None:
    """The tests of a project's store pass by themselves, wherever it runs; every store has the same, and some of its own."""
    project = render("copier", feature_store=feature_store, modalities="tabular", model="single")
    tests = sorted(str(path.relative_to(project.folder)) for path in project.folder.glob("tests/code/test_*store.py"))

    assert "tests/code/test_feature_store.py" in tests
    project.warm("pytest", "-q", "-p", "no:cacheprovider", *tests, env={"TZ": zone} if zone else {})


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


VIEWS = '''
"""Views of other keys than the entity."""

from .feature_store.views import Feature, FeatureView

BUSY = FeatureView(
    name="busy",
    entity="device",
    sql="""
        SELECT device, requested_at AS event_time, count(*) OVER (PARTITION BY device ORDER BY requested_at) AS requests_so_far
        FROM requests
    """,
    features=(Feature("requests_so_far", "int", "Requests from such devices"),),
    description="How much a device is used",
    owner="team@example.com",
)
HABIT = FeatureView(
    name="habit",
    entity=("user_id", "device"),
    sql="SELECT user_id, device, requested_at AS event_time, hour AS last_hour FROM requests",
    features=(Feature("last_hour", "float", "Hour of the last request"),),
    description="When a user was there last",
    owner="team@example.com",
)
VIEWS = (BUSY, HABIT)
'''


@pytest.mark.slow
@pytest.mark.parametrize("feature_store", SUPPORTED["feature_store"])
def test_views_of_other_keys_reach_the_model(feature_store: str, render: Render) -> None:
    """A view of a category, and one of two keys: trained on point in time, served from the request, tested as any."""
    project = render("copier", feature_store=feature_store, modalities="tabular", model="single")
    (project.folder / "src" / project.package / "features.py").write_text(VIEWS.lstrip(), encoding="utf-8")
    settings = project.folder / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace('"minutes_7d", "sessions_7d"', '"requests_so_far", "last_hour"').replace(', "last_genre"', "")
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(("minutes_7d =", "sessions_7d =")))
    settings.write_text(text, encoding="utf-8")
    project.warm(project.package, "run")
    rows = pd.concat([pd.read_parquet(path) for path in (project.folder / "artifacts").glob("t*_set/*.parquet")])
    rows = rows.sort_values("requested_at")

    assert (rows.groupby("device").cumcount() + 1 == rows["requests_so_far"]).mean() > 0.99  # some share a moment
    assert rows["hour"].tolist() == rows["last_hour"].tolist()
    assert '"prediction"' in project.warm(project.package, "predict", '{"user_id": 7, "device": "tv"}')
    with pytest.raises(CommandFailed, match="'user_id' is missing"):
        project.warm(project.package, "predict", "{}")
    # These features tell little: by fewer rows no model would beat the dummy beyond chance.
    conftest = project.folder / "tests" / "conftest.py"
    conftest.write_text(conftest.read_text(encoding="utf-8").replace("DEMO_ROWS = 1600", "DEMO_ROWS = 4000"), encoding="utf-8")
    project.warm("pytest", "-q", "-p", "no:cacheprovider", "tests/code/test_steps.py", "tests/code/test_serving.py")
