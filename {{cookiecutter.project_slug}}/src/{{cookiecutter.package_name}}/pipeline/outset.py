"""What is looked at before a run: a fault that a step would tell minutes later, and what is computed and read by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..feature_store.views import FeatureView
from ..settings import Settings
from .freshness import is_fresh
from .steps import STEPS


def hint(settings: Settings, root: Path, views: Sequence[FeatureView]) -> str:
    """One line about features that no model reads; empty if there are none.

    Args:
        settings: of the project.
        root: its folder.
        views: that its features.py defines.

    Raises:
        Refusal: there is no encoder of a kind that the settings name.
    """
    if not all(is_fresh(step, settings, root) for step in STEPS if step.name == "fit"):  # else the kinds were found once
        from ..encoders.fusion import encoder

        encoder(settings.columns, settings.encoders.located(root))
    data = settings.data
    used = {*settings.columns.names, data.target, data.segment, settings.split.by}
    unread = ", ".join(one.name for view in views for one in view.features if one.name not in used)
    return f"hint: the model does not read {unread}, for no list of [columns] in settings.toml names it" if unread else ""
