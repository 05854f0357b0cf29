"""Explanation: one row of the raw table through every step, to the promoted model's answer.

For whoever trains: it reads what the steps wrote, on both sides of the split. The row's segment is the model's to find out.
"""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import registry
from .bundle import Bundle
from .data.schema import categories, conform, moment, to_json_rows
from .data.split import is_test
from .digests import digest_of
from .encoders.opinion import opinion
from .feature_store.store import FeatureStore
from .feature_store.views import views_of
from .pipeline.freshness import artifacts, read_manifest
from .pipeline.steps import STEPS, needed
from .refusal import Refusal
from .settings import Settings

LARGEST = 3  # encoded columns of a modality that are named
LIKELIEST = 10  # classes that are named
LONG = 60  # characters of a text
NOTHING = "-"
WIDE = 160  # characters of a line that no terminal bounds


@dataclass(frozen=True)
class Part:
    """What one step made of the row, as a small table."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def explained(settings: Settings, root: Path, key: str, number: int | None = None) -> list[Part]:
    """What each step made of a row; of one that was put aside, no more than why.

    Args:
        settings: of the project.
        root: its folder.
        key: of the row's entity.
        number: which of the entity's rows, 1 for the oldest; without it, the newest.

    Raises:
        Refusal: there is no such row, a step has not run, or no model answers these rows.
    """
    data, home = settings.data, artifacts(root)
    _check(settings, home)
    files = {name: home / name / f"{data.rows}.parquet" for name in ("ingest", "validate")}
    raw, good = (_rows(files[name], data.entity, key) for name in files)
    if raw.empty:
        keys = pd.read_parquet(files["ingest"], columns=[data.entity])[data.entity].drop_duplicates()
        such = categories(keys.dropna()).iloc[0]
        raise Refusal(f"no row of table {data.rows!r} has {data.entity} = {key!r}; there are {len(keys)} keys, such as {such}")
    number = len(raw) if number is None else number
    if not 1 <= number <= len(raw):
        raise Refusal(f"{data.entity} = {key!r} has {len(raw)} rows; give --row a number from 1 to {len(raw)}")
    times = [moment(value) or dt.datetime.min for value in raw[data.event_time]] if data.event_time else [0] * len(raw)
    at = sorted(range(len(raw)), key=lambda place: times[place])[number - 1]
    row = raw.astype(object).iloc[at].to_dict()
    parts = [Part(f"{data.entity} = {key}, row {number} of {len(raw)}, as ingested", ("column", "value"), list(row.items()))]
    aside = _rows(home / "validate" / "quarantine.parquet", data.entity, key)
    bad = [str(one) for one in to_json_rows(aside.drop(columns="reasons"), settings.columns.image)]
    held = [str(one) in bad for one in to_json_rows(raw, settings.columns.image)]
    if held[at]:
        reasons = aside["reasons"].iloc[bad.index(str(to_json_rows(raw.iloc[[at]], settings.columns.image)[0]))]
        return [*parts, Part("put aside", ("reason",), [(reason,) for reason in reasons])]
    place = at - sum(held[:at])
    changed = [(name, good[name].iloc[place]) for name in good if told(good[name].iloc[place]) != told(row[name])]
    parts.append(Part("validated", ("column", "is now"), changed or [("none has changed", "")]))
    tested = is_test(categories(good[settings.split.by]), settings.split.test_share).to_numpy()
    side = "test" if tested[place] else "train"
    joined = _rows(home / ("test_set" if tested[place] else "training_set") / f"{side}.parquet", data.entity, key)
    joined = joined.iloc[[int((tested[:place] == tested[place]).sum())]]
    bundle = registry.load(root / registry.FOLDER, saved_as=settings.model.saved_as)
    registry.check(bundle.card, data)
    views = views_of(FeatureStore(home / "materialize").views, bundle.card.columns.names)
    features = [(name, joined[name].iloc[0], view.name) for view in views for name in view.names if name in joined]
    parts.append(Part(f"features, as known then ({side} row)", ("feature", "value", "view"), features))
    return [*parts, *_answer(bundle, joined)]


def show(parts: list[Part]) -> None:
    """Print them, on a terminal as tables, in a pipe as plain columns."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    for part in parts:
        console.print(Text(part.title, style="bold"))
        table = Table(*part.head, box=SIMPLE_HEAD if console.is_terminal else None, show_header=any(part.head))
        for row in part.rows:
            table.add_row(*(Text(told(value), overflow="fold") for value in row))
        console.print(table, "", sep="\n")


def told(value: Any) -> str:
    """A value in one short line."""
    if isinstance(value, bytes):
        return _picture(value)
    if value is None or value is pd.NA or value != value:
        return NOTHING
    line = f"{value:.6g}" if isinstance(value, float) else "".join(sign if sign.isprintable() else " " for sign in str(value))
    return line if len(line) <= LONG else f"{line[: LONG - 1]}…"


def _check(settings: Settings, home: Path) -> None:
    """See that the steps ran, each on what is there of the steps before, and for these settings."""
    asked = settings.model_dump(mode="json", include={"data", "split"})
    for step in dict.fromkeys((*needed(STEPS, "training_set"), *needed(STEPS, "test_set"))):
        manifest, before = read_manifest(home / step.name), {need: read_manifest(home / need) for need in step.needs}
        key = manifest["key"] if manifest else {}
        if (
            manifest is None
            or any(key["settings"].get(name, now) != now for name, now in asked.items())
            or any(one is None or key["inputs"][need] != digest_of(one["files"]) for need, one in before.items())
        ):
            raise Refusal(f"step {step.name} has not run on what there is now; run it with `make run`")


def _rows(path: Path, entity: str, key: str) -> pd.DataFrame:
    """The entity's rows in a file, in their order."""
    column = pd.read_parquet(path, columns=[entity])[entity]
    own = column[categories(column) == key]
    return pd.read_parquet(path, filters=[(entity, "in", own.unique().tolist())]) if len(own) else pd.read_parquet(path).head(0)


def _answer(bundle: Bundle, row: pd.DataFrame) -> list[Part]:
    """From the joined row to the model's answer."""
    card, (encode, model) = bundle.card, (bundle.pipeline[0], bundle.pipeline[-1])
    absent = [name for name in card.columns.names if name not in row]
    if absent:
        raise Refusal(f"model {card.version} reads {absent[0]!r}, which the rows no longer have; retrain with `make run`")
    inputs = conform(row, card.columns.modalities())[list(card.columns.names)]
    Z, names = encode.transform(inputs), encode.get_feature_names_out()
    encoded, routes = [], []
    for modality in card.columns.by_modality():
        block = encode.output_indices_[modality]
        own = Z[0, block]
        largest = np.argsort(-np.abs(own), kind="stable")[:LARGEST]
        words = ", ".join(f"{names[block][one].split('__', 2)[-1]} {own[one]:.3g}" for one in largest if own[one])
        encoded.append((modality, len(own), float(np.linalg.norm(own)), words))
    classes = getattr(model, "classes_", None)
    if getattr(model, "routes_", ()):
        said, weights = model.weights(Z)
        parts = model.parts()
        for route, probability, weight in zip(model.routes_, said[:, 0], weights[:, 0], strict=False):
            found = opinion(parts.get(f"specialist {route}") or parts["everybody"], Z, classes)[0]
            answer = found[0] if classes is None else f"{classes[found.argmax()]} {found.max():.3f}"
            routes.append((route, float(probability), float(weight), answer))
    answer = bundle.answerer.answers(inputs).iloc[0]
    final = [(name, answer[name]) for name in answer.index if name == "prediction" or told(answer[name]) != NOTHING]
    final += [("truth", row[card.data.target].iloc[0]), ("model", card.version)]
    told_parts = [
        Part("encoded", ("modality", "columns", "norm", "largest"), encoded),
        Part("routed", ("segment", "probability", "weight", "specialist's answer"), routes),
        Part("answer", ("", ""), final),
    ]
    if classes is not None:
        shares = pd.Series(model.predict_proba(Z)[0], classes).sort_values(ascending=False, kind="stable")[:LIKELIEST]
        told_parts.append(Part("probabilities", ("class", "probability"), list(shares.items())))
    return [part for part in told_parts if part.rows]


def _picture(value: bytes) -> str:
    try:
        picture = import_module("PIL.Image").open(io.BytesIO(value))
    except Exception:  # no Pillow, or bytes of anything
        return f"{len(value):,} bytes"
    return f"{picture.format} of {len(value):,} bytes, {picture.width} x {picture.height}"
