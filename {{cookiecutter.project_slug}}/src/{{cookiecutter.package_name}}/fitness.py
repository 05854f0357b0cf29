"""Fitness: whether a model may answer in a project, by its settings, its feature views and its store."""

from __future__ import annotations

from pathlib import Path

from . import registry
from .bundle import Bundle
from .card import Card
from .feature_store.catalog import StoreError
from .feature_store.store import FeatureStore, offered
from .feature_store.views import FeatureView, views_digest, views_of
from .features import VIEWS
from .model.persistence import BundleError
from .settings import Settings


def fits(card: Card, settings: Settings, root: Path) -> tuple[FeatureView, ...]:
    """See that a model answers what the settings ask, from features that are defined as they were; the views that it reads.

    Raises:
        BundleError: it was trained for another question, or by other views.
        StoreError: the views are another project's, and its store cannot be read.
    """
    registry.check(card, settings.data)
    views = tuple(views_of(offered(settings.features, root, VIEWS), card.columns.names))
    if views_digest(views) != card.views:
        raise BundleError(f"features.py has changed since model {card.version} was trained; retrain with `make run`")
    return views


def fitting(settings: Settings, root: Path, version: str | None = None) -> tuple[Bundle, tuple[FeatureView, ...]]:
    """A bundle that has proved itself and fits, and the views that it reads: whatever answers, or is promoted, comes from here.

    Raises:
        BundleError: see `registry.load` and `fits`.
        StoreError: see `fits`.
    """
    bundle = registry.load(root / registry.FOLDER, version, settings.model.saved_as)
    return bundle, fits(bundle.card, settings, root)


def check_store(card: Card, store: FeatureStore) -> None:
    """Refuse features that were computed by other definitions than those that a model was trained on.

    Raises:
        StoreError: they were, or there are none.
    """
    if views_digest(views_of(store.views, card.columns.names)) != card.views:
        raise StoreError(
            f"the feature store at {store.folder} was made by other views than model {card.version} was trained on; "
            "retrain with `make run`"
        )
