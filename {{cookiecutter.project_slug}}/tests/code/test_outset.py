"""Before a run: what would fail minutes later is refused, and what no model reads is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from {{ cookiecutter.package_name }} import cli
from {{ cookiecutter.package_name }}.encoders.fusion import UnknownKind
from {{ cookiecutter.package_name }}.feature_store.views import Feature, FeatureView
from {{ cookiecutter.package_name }}.pipeline import outset
from {{ cookiecutter.package_name }}.settings import Settings

VIEW = FeatureView("visits", "user_id", "SELECT 1", (Feature("pages", "int", "Pages"),), "Visits", "shop@example.com")


def test_a_feature_that_nothing_reads_is_named(settings: Settings, tmp_path: Path) -> None:
    """One line names it; a column of the model, a segment and the like are read."""
    read = settings.model_copy(update={"data": settings.data.model_copy(update={"segment": "pages"})})

    assert "the model does not read pages, for" in outset.hint(settings, tmp_path, [VIEW])
    assert "" == outset.hint(read, tmp_path, [VIEW])
    assert "" == outset.hint(settings, tmp_path, [])


def test_a_kind_that_there_is_not_is_refused_before_any_step(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name, with those that there are; nothing was made by then."""
    name = settings.columns.names[0]
    own = settings.encoders.model_copy(update={"columns": {name: ("median",)}})
    (tmp_path / "settings.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "project_settings", lambda: settings.model_copy(update={"encoders": own}))

    with pytest.raises(UnknownKind, match=r"'median' is no kind of encoder for .*, expected one of "):
        CliRunner().invoke(cli.app, ["run"], catch_exceptions=False)

    assert ["settings.toml"] == [path.name for path in tmp_path.iterdir()]
