"""Answers to raw rows: features from the online store, then the one fitted pipeline. It keeps nothing between calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .. import fitness
from ..bundle import Bundle
from ..data.limits import bounded
from ..data.row import formed
from ..data.schema import SchemaError, conform, from_json_rows, keys, label, to_json_rows
from ..feature_store.store import FeatureStore
from ..feature_store.views import FeatureView
from ..prediction_log import Entry, PredictionLog
from ..settings import Settings, read_settings


@dataclass(frozen=True)
class Reply:
    """An answer to a row as JSON values, and what the model read of it, stored features and a given segment included."""

    answer: dict[str, Any]
    inputs: dict[str, Any]


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
        if self.views:
            fitness.check_store(self.bundle.card, self.store)

    @property
    def private(self) -> frozenset[str]:
        """The columns that tell who somebody is, as settings.toml or a feature view says."""
        features = [feature for view in self.views for feature in view.features]
        limits = self.bundle.card.limits
        return frozenset(
            [feature.name for feature in features if feature.pii] + [name for name, limit in limits.items() if limit.pii]
        )

    def answer(self, rows: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
        """The first of what `answered` returns."""
        return self.answered(rows, now)[0]

    def answered(self, rows: pd.DataFrame, now: dt.datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Answer raw rows.

        Args:
            rows: the entity and the model's raw columns; features that are absent or null come from the online store, and a
                segment that is given is used, not predicted.
            now: decides which stored features are still valid.

        Returns:
            Two frames with the rows' index: the entity, what `Answerer.answers` says, and the model's version; and what the
            model read, with the segment where it was given.

        Raises:
            SchemaError: a column is missing, or a value cannot be read.
        """
        card = self.bundle.card
        self.check_columns(rows)
        named = rows.assign(**{card.data.entity: keys(rows[card.data.entity])})
        if card.key == "number" and not pd.api.types.is_integer_dtype(named[card.data.entity]):
            raise SchemaError(f"column {card.data.entity!r} holds a key that is no whole number of 64 bits; mend that row")
        whole = self._with_features(conform(named, dict.fromkeys(card.columns.categories, "categories")), now)
        inputs = bounded(conform(whole, card.columns.modalities())[list(card.columns.names)], card.limits)
        segment = card.data.segment
        known = conform(rows, {segment: "categories"})[segment] if segment is not None and segment in rows else None
        found = self.bundle.answerer.answers(inputs, known)
        found.insert(0, card.data.entity, named[card.data.entity])
        if known is not None and segment not in inputs:  # one that the model reads as well may come from the store
            inputs = inputs.assign(**{str(segment): known})
        return found.assign(model=card.version), inputs

    def check_columns(self, rows: pd.DataFrame) -> None:
        """Refuse rows without a column that no store knows.

        Raises:
            SchemaError: it is missing.
        """
        card = self.bundle.card
        if card.data.entity not in rows:
            raise SchemaError(f"column {card.data.entity!r} is missing: it is the key of every row; add it")
        stored = {feature.name for view in self.views for feature in view.features}
        raw = [name for name in card.columns.names if name not in stored]
        missing = [name for name in raw if name not in rows]
        if missing:
            raise SchemaError(f"column {missing[0]!r} is missing; the rows must hold {', '.join([card.data.entity, *raw])}")

    def answer_rows(self, rows: Sequence[Mapping[str, Any]], now: dt.datetime) -> list[dict[str, Any]]:
        """Answer rows that the contract has checked, as JSON values; one by itself is answered without a frame."""
        return [reply.answer for reply in self.replies(rows, now)]

    def answer_json(self, rows: Sequence[Mapping[str, Any]], now: dt.datetime) -> pd.DataFrame:
        """Answer rows of JSON values, in which a column that was not sent is null."""
        return self.answer(self._frame(rows), now)

    def replies(self, rows: Sequence[Mapping[str, Any]], now: dt.datetime) -> list[Reply]:
        """What `answer_rows` says, each with what the model read."""
        alone = self._answer_one(rows[0], now) if len(rows) == 1 else None
        if alone:
            return [Reply(_jsonable(alone.answer), alone.inputs)]
        return self.told(*self.answered(self._frame(rows), now))

    def told(self, answers: pd.DataFrame, inputs: pd.DataFrame) -> list[Reply]:
        """The frames of `answered`, row by row, as JSON values."""
        read, said = to_json_rows(inputs, self.bundle.card.columns.image), answers.to_dict(orient="records")
        return [Reply(_jsonable(answer), row) for answer, row in zip(said, read, strict=True)]

    def log(self, settings: Settings, root: Path) -> PredictionLog:
        """Where the project's answers are added, without what is private."""
        card, rules = self.bundle.card, settings.logging
        return PredictionLog(root / rules.folder, rules, card.data.entity, card.columns.image, self.private)

    def entry(self, reply: Reply, at: dt.datetime, request: str, source: str, milliseconds: float) -> Entry:
        """What is logged of an answer that was given to somebody."""
        key, model = reply.answer[self.bundle.card.data.entity], self.bundle.card.version
        return Entry(at, request, key, model, "champion", source, milliseconds, reply.inputs, reply.answer)

    def _frame(self, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        frame = from_json_rows(rows, self.bundle.card.columns.image)
        return frame.assign(**dict.fromkeys(name for name in self.bundle.card.columns.names if name not in frame))

    def _answer_one(self, row: Mapping[str, Any], now: dt.datetime) -> Reply | None:
        """The answer to one row; None where a value is out of the ordinary, and the rules for frames say what about it."""
        card = self.bundle.card
        modalities = card.columns.modalities()
        labels = {name: label(row[name]) for name in card.columns.categories if row.get(name) is not None}
        (stored,) = self._stored([{**row, **labels}], now) if self.views else ({},)
        sent = {name: stored.get(name) if row.get(name) is None else row[name] for name in modalities}
        values = formed(sent, modalities, card.limits)
        if values is None:
            return None
        segment = row.get(card.data.segment or "")
        said = self.bundle.answerer.answer(values, None if segment is None else label(segment))
        answer = {card.data.entity: row[card.data.entity], **said, "model": card.version}
        return Reply(answer, sent if segment is None else sent | {str(card.data.segment): segment})

    def _stored(self, rows: Sequence[Mapping[str, Any]], now: dt.datetime) -> list[dict[str, Any]]:
        """What the store knows of each row, by the keys that the row holds."""
        self.check_store()
        keys = dict.fromkeys(key for view in self.views for key in view.keys)
        used = [name for view in self.views for name in view.names if name in self.bundle.card.columns.names]
        return self.store.get_online_features(used, [{key: row.get(key) for key in keys} for row in rows], now)

    def _with_features(self, rows: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
        """The rows with what the store knows of them, where they do not say it themselves."""
        if not self.views:
            return rows
        held: list[dict[str, Any]] = rows.astype(object).where(rows.notna(), None).to_dict(orient="records")  # type: ignore[assignment]
        stored = pd.DataFrame(self._stored(held, now), index=rows.index, dtype=object)
        for name in map(str, stored):
            given = rows[name] if name in rows else pd.Series(None, index=rows.index, dtype=object)
            rows = rows.assign(**{name: given.astype(object).where(given.notna(), stored[name])})
        return rows


def _jsonable(answer: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): None if value != value else value for name, value in answer.items()}


def load_predictor(root: Path, version: str | None = None) -> Predictor:
    """A model of a project: the promoted one, if no version is named.

    Raises:
        BundleError: there is none, it does not prove itself, or it fits neither the settings nor the feature views.
        StoreError: the features are not there.
    """
    settings = read_settings(root / "settings.toml")
    bundle, views = fitness.fitting(settings, root, version)
    predictor = Predictor(bundle, FeatureStore(settings.features.folder(root)), views)
    predictor.check_store()
    return predictor
