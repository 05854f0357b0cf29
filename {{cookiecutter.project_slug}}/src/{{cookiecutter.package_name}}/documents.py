"""Documents: what is known of a model and of the data, in Markdown, for people who read no code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .card import Card
from .differences import flat
from .feature_store.views import Feature, FeatureView, features_by_name
from .sections import Limits
from .settings import Settings

MEANING = {
    "numbers": "a number",
    "categories": "a category",
    "dates": "a date",
    "text": "a text",
    "image": "a picture",
}


def model_card(card: Card, answers: bool, views: Sequence[FeatureView] = ()) -> str:
    """The card of a model, from its bundle.

    Args:
        card: of the bundle.
        answers: whether it is the model that answers.
        views: that the store offers, whose words say what a feature means.
    """
    data, measured = card.data, card.measured
    what = "the classes " + ", ".join(card.classes) if card.classes else "a number"
    lines = [f"# Model {card.version}", ""]
    lines += [f"It {'answers' if answers else 'does not answer'} now. It is the candidate `{card.candidate}`, and predicts"]
    lines += [f"`{data.target}` ({what}) of a row of `{data.rows}`, whose key is `{data.entity}`.", ""]
    lines += ["## What it reads", "", *_columns(card.columns.modalities(), card.limits, features_by_name(views).values()), ""]
    lines += ["## How good it is", ""]
    share = f"{100 * card.split.test_share:g} % of the values of `{card.split.by}`"
    lines += [f"Measured on test rows that no model was fitted to: {share}.", ""]
    if measured:
        head = (f"{measured.metric}, of", "score", f"{100 * measured.confidence:g} % interval")
        parts = [(name, f"{score:.3f}", f"{low:.3f} to {high:.3f}") for name, (score, low, high) in measured.parts.items()]
        lines += [*_table(head, parts), ""]
    lines += [*_table(("metric", "all test rows"), [(name, f"{score:.3f}") for name, score in card.scores.items()]), ""]
    lines += ["## What it was made of", ""]
    made: list[tuple[str, str]] = [(part, f"`{digest[:12]}`") for part, digest in card.made_of.items()]
    made += [("training rows", f"`{card.training_data[:12]}`"), ("code", f"`{card.code[:12]}`")]
    made += [(f"library {name}", version) for name, version in card.libraries.items()]
    lines += [*_table(("part", "digest or version"), made), ""]
    if card.settings:
        lines += ["## How it was made", ""]
        lines += [*_table(("settings", "values"), [(name, _inline(value)) for name, value in card.settings.items()]), ""]
    lines += ["Numbers tell of these rows alone. For whom the model is meant, and for whom not, is for its owner to add."]
    return "\n".join(lines)


def dictionary(settings: Settings, views: Sequence[FeatureView], tables: Mapping[str, Any]) -> str:
    """The dictionary of the data: what a row holds, what each view tells, and what raw tables have.

    Args:
        settings: of the project.
        views: that its store offers.
        tables: the Arrow schema of each raw table.
    """
    data, features = settings.data, features_by_name(views)
    told = [("key of a row", data.entity), ("predicted", data.target), ("time of a row", data.event_time)]
    told += [("segment", data.segment), ("split by", settings.split.by)]
    lines = ["# Data dictionary", "", f"A row of `{data.rows}` has", ""]
    lines += [*_table(("what", "column"), [(what, f"`{name}`") for what, name in told if name]), ""]
    lines += ["## What the model reads", ""]
    lines += [*_columns(settings.columns.modalities(), settings.validation.columns, features.values()), ""]
    for view in views:
        holds = f"for {view.ttl}" if view.ttl else "for ever"
        lines += [f"## View {view.name}", "", f"{view.description}. Key: {', '.join(f'`{key}`' for key in view.keys)};"]
        lines += [f"a value holds {holds}; owner: {view.owner}. Made from {_from(view)}.", ""]
        made = [(f"`{one.name}`", one.dtype, one.unit, "yes" if one.pii else "no", one.description) for one in view.features]
        lines += [*_table(("feature", "type", "unit", "pii", "meaning"), made), ""]
    for name, schema in tables.items():
        columns = [(f"`{one.name}`", str(one.type)) for one in schema]
        lines += [f"## Raw table {name}", "", *_table(("column", "type"), columns), ""]
    return "\n".join(lines).rstrip()


def write(text: str, target: Path) -> None:
    """Write a document, and the folder that it is for."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text + "\n", encoding="utf-8")


def _columns(modalities: dict[str, str], limits: dict[str, Limits], features: Iterable[Feature]) -> list[str]:
    meaning, units = {one.name: one.description for one in features}, {one.name: one.unit for one in features}
    made = []
    for name, modality in modalities.items():
        limit = limits.get(name, Limits())
        low, high = ("any" if bound is None else f"{bound:g}" for bound in (limit.min, limit.max))
        span = f"{low} to {high}" if limit.is_range else ""
        unit = limit.unit or units.get(name, "")
        made.append((f"`{name}`", MEANING[modality], unit, span, "yes" if limit.null else "no", meaning.get(name, "")))
    return _table(("column", "what", "unit", "range", "null", "meaning"), made)


def _inline(value: Any) -> str:
    """A section in one line; what it leaves empty is left out."""
    if not isinstance(value, Mapping):
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "; ".join(f"{name} = {one}" for name, held in flat(value).items() if (one := _inline(held)))


def _from(view: FeatureView) -> str:
    return f"SQL that `features show {view.name}` prints"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of Markdown; a bar or a line's end in a cell is none of the table's."""
    told = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [list(head), ["---"] * len(head), *told]]
