"""Evaluate: every candidate, and the model that answers now, on the test rows, which no other step reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from threadpoolctl import threadpool_limits

from .. import registry
from ..data.schema import categories, conform
from ..data.split import is_test
from ..gate import CHAMPION, DUMMY
from ..metrics import scores
from ..model.answers import said
from ..model.persistence import file_of, load
from ..refusal import Refusal
from ..settings import Settings

FEW = 30  # rows, of fewer than which the champion's answers would tell nothing
SHUFFLED = 10_000  # rows at most, on which the modalities' importance is measured


class NotComparable(Refusal):
    """A champion that cannot be asked about these rows, or has seen them."""


def run(settings: Settings, out: Path, root: Path, test_set: Path, fit: Path) -> None:
    """Write what each model answers, `metrics.json` with the scores over all rows and by segment, and `rows.parquet`.

    The segment is the model's to find out, as it will be for most new rows.
    """
    data, saved_as = settings.data, settings.model.saved_as
    rows = pd.read_parquet(test_set / "test.parquet")
    encode = load(file_of(fit, "encoder", saved_as))
    encoded = encode.transform(conform(rows, settings.columns.modalities())[list(settings.columns.names)])
    answers, importance = {}, {}
    champion = {"version": registry.current_version(root / registry.FOLDER), "reason": None}
    with threadpool_limits(settings.model.threads):
        for name in json.loads((fit / "candidates.json").read_text(encoding="utf-8")):
            model = load(file_of(fit, name, saved_as))
            answers[name] = said(model, encoded, rows.index)
            if name != DUMMY:
                importance[name] = _importance(model, encode, encoded[:SHUFFLED], rows[data.target].head(SHUFFLED), settings)
        if champion["version"]:
            try:
                answers[CHAMPION] = champion_answers(settings, root, rows, (fit / "views.sha256").read_text(encoding="utf-8"))
            except Refusal as refusal:
                champion["reason"] = str(refusal)
    described = _described(rows, settings)
    described.to_parquet(out / "rows.parquet", index=False)
    (out / "answers").mkdir()
    for name, frame in answers.items():
        frame.to_parquet(out / "answers" / f"{name}.parquet")
    parts = {"all": np.ones(len(rows), dtype=bool)}
    if data.segment:
        segments = described["segment"]
        parts |= {f"{data.segment} = {name}": (segments == name).to_numpy() for name in sorted(segments.dropna().unique())}
    found = {name: _scores(settings, rows[data.target], frame, parts) for name, frame in answers.items()}
    counts = {part: int(held.sum()) for part, held in parts.items()}
    told = {"rows": counts, "scores": found, "importance": importance, "champion": champion}
    (out / "metrics.json").write_text(json.dumps(told, indent=1), encoding="utf-8")


def champion_answers(settings: Settings, root: Path, rows: pd.DataFrame, views: str) -> pd.DataFrame:
    """What the model that answers now says of the rows that it was not trained on.

    Raises:
        NotComparable: it answers something else, or those rows cannot be told or are too few.
        BundleError: it cannot answer at all.
    """
    bundle = registry.load(root / registry.FOLDER, saved_as=settings.model.saved_as)
    card, split = bundle.card, bundle.card.split
    registry.check(card, settings.data)
    if split.by != settings.split.by:
        raise NotComparable(f"it was trained on rows split by {split.by!r}, and these are split by {settings.split.by!r}")
    absent = [name for name in card.columns.names if name not in rows]
    if absent or card.views != views:
        raise NotComparable(f"it reads {absent[0]!r}, which the rows lack" if absent else "features.py has changed since")
    unseen = rows[is_test(categories(rows[split.by]), split.test_share)]
    if len(unseen) < FEW:
        raise NotComparable(f"it was trained on all but {len(unseen)} of these rows")
    encoded = bundle.pipeline[0].transform(conform(unseen, card.columns.modalities())[list(card.columns.names)])
    return said(bundle.pipeline[-1], encoded, unseen.index)


def _scores(settings: Settings, target: pd.Series, answers: pd.DataFrame, parts: dict[str, np.ndarray]) -> dict[str, Any]:
    """Every metric in every part, of the rows that were answered; a part without any has none."""
    shares = answers.filter(regex="^p:")
    classes = [str(name).removeprefix("p:") for name in shares]
    found = {}
    for part, held in parts.items():
        own = held[answers.index]
        if own.any():
            truth, frame = target.loc[answers.index][own].to_numpy(), answers[own]
            probabilities = shares[own].to_numpy() if classes else None
            found[part] = scores(settings.data.task, truth, frame["prediction"].to_numpy(), probabilities, classes or None)
    return found


def _importance(
    model: BaseEstimator, encode: ColumnTransformer, encoded: np.ndarray, target: pd.Series, settings: Settings
) -> dict[str, dict[str, float]]:
    """How much each metric changes as a modality's block is shuffled over the rows (Breiman, 2001)."""
    whole = {"all": np.ones(len(encoded), dtype=bool)}
    before = _scores(settings, target, said(model, encoded, target.index), whole)["all"]
    found = {}
    for modality, block in encode.output_indices_.items():
        if block.stop > block.start:
            shuffled = encoded.copy()
            shuffled[:, block] = np.random.default_rng(0).permutation(encoded[:, block])
            after = _scores(settings, target, said(model, shuffled, target.index), whole)["all"]
            found[modality] = {name: after[name] - before[name] for name in before}
    return found


def _described(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Whose rows they are, what is true of them, and the slices that they belong to."""
    data = settings.data
    told = {"entity": rows[data.entity], "target": rows[data.target], "group": rows[settings.split.by]}
    told |= {"segment": categories(rows[data.segment])} if data.segment else {}
    told |= {"time": rows[data.event_time]} if data.event_time else {}
    return pd.DataFrame(told | {f"slice:{name}": categories(rows[name]) for name in settings.columns.categories})
