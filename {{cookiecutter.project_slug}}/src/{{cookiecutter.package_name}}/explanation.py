"""Explanation: one row of the raw table through every step, to a model's answer, and what moved it.

For whoever trains: it reads what the steps wrote, on both sides of the split. The row's segment is the model's to find out.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import registry
from .bundle import Bundle
from .data.batches import as_frame
from .data.schema import categories, conform, from_json_rows, moment, to_json_rows
from .data.split import is_test
from .digests import digest_of
from .encoders.opinion import opinion
from .feature_store.store import FeatureStore
from .feature_store.views import views_of
from .model.answers import said
from .occlusion import MOST, occluded
from .pipeline.freshness import artifacts, read_manifest
from .pipeline.steps import STEPS, needed
from .refusal import Refusal
from .settings import Settings

HARDLY = 0.005  # of the answer, below which a difference is none worth a word
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


def explained(settings: Settings, root: Path, key: str, number: int | None = None, version: str | None = None) -> list[Part]:
    """What each step made of a row; of one that was put aside, no more than why.

    Args:
        settings: of the project.
        root: its folder.
        key: of the row's entity.
        number: which of the entity's rows, 1 for the oldest; without it, the newest.
        version: of the model; without it, the one that answers.

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
    parts = [_headline(settings, root, row, version)]
    parts += [Part(f"{data.entity} = {key}, row {number} of {len(raw)}, as ingested", ("column", "value"), list(row.items()))]
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
    bundle = registry.load(root / registry.FOLDER, version, settings.model.saved_as)
    registry.check(bundle.card, data)
    views = views_of(FeatureStore(home / "materialize").views, bundle.card.columns.names)
    features = [(name, joined[name].iloc[0], view.name) for view in views for name in view.names if name in joined]
    parts.append(Part(f"features, as known then ({side} row)", ("feature", "value", "view"), features))
    return [*parts, *_answer(bundle, root, joined)]


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


def _headline(settings: Settings, root: Path, row: Mapping[Any, Any], version: str | None) -> Part:
    """Which row is shown, and by which model, for it is easily taken for an answer that was given."""
    data, current = settings.data, registry.current_version(root / registry.FOLDER)
    when = [("of", row[data.event_time])] if data.event_time else []
    shown = [("row", f"a raw row of table {data.rows!r}, no logged answer"), *when]
    state = "answers now" if version in (None, current) else "does not answer now"
    return Part("what is shown", ("", ""), [*shown, ("by model", version or current), ("which", state)])


def _answer(bundle: Bundle, root: Path, row: pd.DataFrame) -> list[Part]:
    """From the joined row to the model's answer."""
    card = bundle.card
    absent = [name for name in card.columns.names if name not in row]
    if absent:
        raise Refusal(f"model {card.version} reads {absent[0]!r}, which the rows no longer have; retrain with `make run`")
    inputs = conform(row, card.columns.modalities())[list(card.columns.names)]
    answer = bundle.answerer.answers(inputs).iloc[0]
    final = [(name, answer[name]) for name in answer.index if name == "prediction" or told(answer[name]) != NOTHING]
    final += [("truth", row[card.data.target].iloc[0]), ("model", card.version)]
    return [*in_steps(bundle, inputs), Part("answer", ("", ""), final), *moved(bundle, root, inputs)]


def in_steps(bundle: Bundle, inputs: pd.DataFrame, segment: Any = None) -> list[Part]:
    """How a model reads one conformed row: encoded and, by a cascade, routed; by its segment, if that was given."""
    card, (encode, model) = bundle.card, (bundle.pipeline[0], bundle.pipeline[-1])
    Z, names = encode.transform(inputs), encode.get_feature_names_out()
    known = None if segment is None else [segment]
    encoded, routes = [], []
    for modality in card.columns.by_modality():
        block = encode.output_indices_[modality]
        own = Z[0, block]
        largest = np.argsort(-np.abs(own), kind="stable")[:LARGEST]
        words = ", ".join(f"{names[block][one].split('__', 2)[-1]} {own[one]:.3g}" for one in largest if own[one])
        encoded.append((modality, len(own), float(np.linalg.norm(own)), words))
    classes = getattr(model, "classes_", None)
    if getattr(model, "routes_", ()):
        shares, weights = model.weights(Z, known)
        parts = model.parts()
        for route, probability, weight in zip(model.routes_, shares[:, 0], weights[:, 0], strict=False):
            found = opinion(parts.get(f"specialist {route}") or parts["everybody"], Z, classes)[0]
            answer = found[0] if classes is None else f"{classes[found.argmax()]} {found.max():.3f}"
            routes.append((route, float(probability), float(weight), answer))
    told_parts = [
        Part("encoded", ("modality", "columns", "norm", "largest"), encoded),
        Part("routed", ("segment", "probability", "weight", "specialist's answer"), routes),
    ]
    return [part for part in told_parts if part.rows]


def moved(bundle: Bundle, root: Path, inputs: pd.DataFrame, segment: Any = None) -> list[Part]:
    """What a model says of a row, and what moved that: by each column, against the values of other rows.

    Args:
        bundle: of the model.
        root: of the project, whose training rows lend their values; where they are not there, the model's golden rows do.
        inputs: one row, conformed.
        segment: of the row, if it was given.
    """
    answer = said(bundle.pipeline[-1], bundle.pipeline[0].transform(inputs), inputs.index, segment and [segment]).iloc[0]
    shares = answer.filter(regex="^p:").rename(lambda name: name[2:]).sort_values(ascending=False, kind="stable")[:LIKELIEST]
    others, whose = _others(bundle, root)
    number, found = occluded(bundle, inputs, others, segment)
    what = "prediction" if shares.empty else f"probability of {answer['prediction']}"
    words = ["hardly moves it" if abs(by) < HARDLY * abs(number) else "raises it" if by > 0 else "lowers it" for by in found]
    rows = [(name, inputs[name].iloc[0], f"{by:+.3g}", word) for (name, by), word in zip(found.items(), words, strict=True)]
    title = f"what moved the answer: {what}, {number:.3g}, and what of it each value adds beside the values of {whose}"
    parts = [Part("probabilities", ("class", "probability"), list(shares.items()))] if len(shares) else []
    return [*parts, Part(title, ("column", "value", "adds", "which"), rows)]


def _others(bundle: Bundle, root: Path) -> tuple[pd.DataFrame, str]:
    """Rows that lend their values, evenly of all training rows, and whose they are."""
    card, path = bundle.card, artifacts(root) / "training_set" / "train.parquet"
    forms, names = card.columns.modalities(), list(card.columns.names)
    rows = ds.dataset(path) if path.exists() else None
    if rows is None or not {*names} <= {*rows.schema.names}:
        golden = from_json_rows(card.golden_rows, card.columns.image)
        return conform(golden, forms)[names], f"{len(golden)} golden rows"
    count = rows.count_rows()
    taken = rows.take(np.unique(np.linspace(0, count - 1, MOST).astype(int)), columns=names)
    return conform(as_frame(taken), forms)[names], f"{taken.num_rows} training rows"


def _picture(value: bytes) -> str:
    try:
        picture = import_module("PIL.Image").open(io.BytesIO(value))
    except Exception:  # no Pillow, or bytes of anything
        return f"{len(value):,} bytes"
    return f"{picture.format} of {len(value):,} bytes, {picture.width} x {picture.height}"
