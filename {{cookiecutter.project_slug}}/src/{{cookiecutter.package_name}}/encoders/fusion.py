"""Multimodal Input: every modality in one matrix, each as loud as it should be.

Joined as they come, the widest block wins, and 75 of 100 emoji are told apart; scaled to one norm and weighted 77, with the
opinion of a model per modality beside them 78.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.utils.metadata_routing import get_routing_for_object

from ..refusal import Refusal
from ..sections import Columns, Encoders
from .opinion import Opinion
from .volume import Volume

_FILES = {"numbers": "tabular", "categories": "tabular", "dates": "dates", "text": "text", "image": "image"}


class UnknownModality(Refusal):
    """Columns of a modality that this project was made without."""


class OneEntity(Refusal):
    """Something is to be learned from the target of other entities, and there are none."""


class UnknownKind(Refusal):
    """A kind of encoder that a modality does not have."""


def encoder(columns: Columns, settings: Encoders, model: BaseEstimator | None = None) -> ColumnTransformer:
    """From raw columns to numbers, not yet fitted: a block per modality.

    Args:
        columns: what the model reads.
        settings: the kinds of encoders, and how their blocks are joined.
        model: asked for its opinion of each modality alone where the blocks are stacked; else a logistic regression is.

    Raises:
        UnknownModality: a modality has columns, and this project no encoder for it.
        UnknownKind: a modality has no encoder of a kind, or a column that is none of them has one.
    """
    for name in settings.columns:
        if name not in columns.names:
            raise UnknownKind(f"settings.toml: encoders.columns names {name!r}, which is not listed under [columns]; mend it")
    return ColumnTransformer(
        [
            (modality, make_pipeline(_block(modality, names, settings), *_joined(modality, settings, model)), list(names))
            for modality, names in columns.by_modality().items()
        ],
        sparse_threshold=0,  # always dense: trees take nothing else
    )


def fit_transform(encode: ColumnTransformer, X: Any, y: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Fit the encoder, and give the training rows as numbers.

    They are not what `transform` makes of them where something was learned from the target: there, a row is encoded by
    what was learned from the rows of other groups, or it would tell its own target.

    Raises:
        OneEntity: there is one group, and something is learned from the target.
    """
    with config_context(enable_metadata_routing=True):
        asked = get_routing_for_object(encode).consumes("fit_transform", ["groups"])
        if asked and len(set(groups)) < 2:
            raise OneEntity(
                f"all {len(groups)} training rows belong to {str(groups[0])!r}, and targets and opinions are learned from "
                "others; "
                'in settings.toml, mend data.entity, or take another fusion than "stacked" and other kinds than "target"'
            )
        return np.asarray(encode.fit_transform(X, y, **{"groups": groups} if asked else {}))


def _joined(modality: str, settings: Encoders, model: BaseEstimator | None) -> list[BaseEstimator]:
    """What makes a block fit beside the others."""
    if settings.fusion == "concatenated":
        return [Volume(None)]
    volume = Volume(getattr(settings.weights, modality))
    return [volume, Opinion(model, settings.folds)] if settings.fusion == "stacked" else [volume]


def _block(modality: str, names: tuple[str, ...], settings: Encoders) -> ColumnTransformer:
    """The columns of a modality, each by the encoders of its kinds."""
    by_kind: dict[str, list[str]] = {}
    for name in names:
        for kind in settings.columns.get(name, getattr(settings, modality)):
            by_kind.setdefault(kind, []).append(name)
    known = _kinds(modality)
    for kind in by_kind:
        if kind not in known:
            raise UnknownKind(
                f"settings.toml: encoders: {kind!r} is no kind of encoder for {modality}, expected one of "
                f"{', '.join(known)}; change it"
            )
    return ColumnTransformer([(kind, known[kind](settings), own) for kind, own in by_kind.items()], sparse_threshold=0)


def _kinds(modality: str) -> dict[str, Any]:
    """What the file of a modality builds, by kind."""
    file = f"{__package__}.{_FILES[modality]}"
    try:
        module = import_module(file)
    except ModuleNotFoundError as error:
        if error.name != file:
            raise
        raise UnknownModality(
            f"columns.{modality} lists columns, but this project was made without {modality}; set columns.{modality} = [], "
            f"or add it with `copier update --data modalities=…` (tabular_text, tabular_image or tabular_text_image)"
        ) from None
    kinds: dict[str, Any] = module.KINDS[modality]
    return kinds
