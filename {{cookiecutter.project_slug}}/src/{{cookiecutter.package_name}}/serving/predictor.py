"""Answers to raw rows: features from the online store, then the one fitted pipeline. It keeps nothing between calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .. import registry
from ..data.schema import SchemaError, conform, from_json_rows, keys
from ..feature_store.catalog import StoreError
from ..feature_store.store import FeatureStore, offered
from ..feature_store.views import FeatureView, views_digest, views_of
from ..features import VIEWS
from ..model.answers import answers
from ..registry import Bundle
from ..settings import read_settings


@dataclass(frozen=True)
class Predictor:
    """A verified bundle and the features it needs."""

    bundle: Bundle
    store: FeatureStore
    views: tuple[FeatureView, ...]

    def check_store(self) -> None:
        """Refuse features that were computed by other definitions than those that the model was trained on.

        Raises:
            StoreError: they were, or there are none.
        """
        card = self.bundle.card
        if self.views and views_digest(views_of(self.store.views, card.columns.names)) != card.views:
            raise StoreError(
                f"the feature store at {self.store.folder} was made by other views than model {card.version} was trained on; "
                "retrain with `make run`"
            )

    def answer(self, rows: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
        """Answer raw rows.

        Args:
            rows: the entity and the model's raw columns; features that are absent or null come from the online store, and a
                segment that is given is used, not predicted.
            now: decides which stored features are still valid.

        Returns:
            A row per row, same index: entity, prediction, probability, route, route_probability, route_source, model.

        Raises:
            SchemaError: a column is missing, or a value cannot be read.
        """
        card = self.bundle.card
        if card.data.entity not in rows:
            raise SchemaError(f"column {card.data.entity!r} is missing: it is the key of every row; add it")
        named = rows.assign(**{card.data.entity: keys(rows[card.data.entity])})
        if card.key == "number" and not pd.api.types.is_integer_dtype(named[card.data.entity]):
            raise SchemaError(f"column {card.data.entity!r} holds a key that is no whole number of 64 bits; mend that row")
        whole = self._with_features(conform(named, dict.fromkeys(card.columns.categories, "categories")), now)
        missing = [name for name in card.columns.names if name not in whole]
        if missing:
            stored = {feature.name for view in self.views for feature in view.features}
            raw = [name for name in card.columns.names if name not in stored]
            raise SchemaError(f"column {missing[0]!r} is missing; the rows must hold {', '.join([card.data.entity, *raw])}")
        inputs = conform(whole, card.columns.modalities())[list(card.columns.names)]
        segment = card.data.segment
        known = conform(rows, {segment: "categories"})[segment] if segment is not None and segment in rows else None
        found = answers(self.bundle.pipeline, inputs, known)
        found.insert(0, card.data.entity, named[card.data.entity])
        return found.assign(model=card.version)

    def answer_json(self, rows: Sequence[Mapping[str, Any]], now: dt.datetime) -> pd.DataFrame:
        """Answer rows of JSON values, in which a column that was not sent is null."""
        card = self.bundle.card
        frame = from_json_rows(rows, card.columns.image)
        unsent = [name for name in card.columns.names if name not in frame]
        return self.answer(frame.assign(**dict.fromkeys(unsent)), now)

    def _with_features(self, rows: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
        """The rows with what the store knows of them, where they do not say it themselves."""
        if not self.views:
            return rows
        self.check_store()
        keys = rows.reindex(columns=list(dict.fromkeys(key for view in self.views for key in view.keys)))
        used = [name for view in self.views for name in view.names if name in self.bundle.card.columns.names]
        entities = keys.astype(object).where(keys.notna(), None).to_dict(orient="records")
        found = self.store.get_online_features(used, [{str(key): value for key, value in row.items()} for row in entities], now)
        stored = pd.DataFrame(found, columns=used, index=rows.index, dtype=object)
        for name in used:
            given = rows[name] if name in rows else pd.Series(None, index=rows.index, dtype=object)
            rows = rows.assign(**{name: given.astype(object).where(given.notna(), stored[name])})
        return rows


def load_predictor(root: Path) -> Predictor:
    """The promoted model of a project.

    Raises:
        BundleError: none is promoted, it does not prove itself, or the features that it reads are defined otherwise now.
        StoreError: the features are not there.
    """
    bundle = registry.load(root / registry.FOLDER)
    features = read_settings(root / "settings.toml").features
    store = FeatureStore(features.folder(root))
    views = views_of(offered(features, root, VIEWS), bundle.card.columns.names)
    if views_digest(views) != bundle.card.views:
        raise registry.BundleError(
            f"features.py has changed since model {bundle.card.version} was trained; retrain with `make run`"
        )
    predictor = Predictor(bundle, store, tuple(views))
    predictor.check_store()
    return predictor
