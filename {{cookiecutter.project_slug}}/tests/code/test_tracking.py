"""Tracking, as far as it goes without MLflow: it is asked for, or it costs nothing."""

from __future__ import annotations

import pytest

from {{ cookiecutter.package_name }} import tracking
from {{ cookiecutter.package_name }}.sections import Tracking
from {{ cookiecutter.package_name }}.settings import Settings


def test_mlflow_is_asked_for_or_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is absent, whoever asks for it is told how to install it, before anything runs."""
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    tracking.check(Tracking())

    with pytest.raises(tracking.NoTracking, match=r"is 'sqlite:///m.db', and MLflow is not installed; .* --extra mlflow`"):
        tracking.check(Tracking(uri="sqlite:///m.db"))


def test_parameters_have_dotted_names(settings: Settings) -> None:
    """Every setting that shapes a model is one, by the name that it has in settings.toml."""
    named = dict(tracking.parameters(settings))

    assert {"seed", "model.kind", "cascade.routing", "gate.metric", "encoders.weights.numbers"} <= named.keys()
    assert settings.model.kind == named["model.kind"]
    assert not any(isinstance(value, dict) and value for value in named.values())
