"""The card of a bundle: what a model was made of, and by what to know it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from .model.persistence import BundleError
from .sections import Columns, Data, Limits, Section, Split

CARD = "card.json"
MadeOf = dict[Literal["interface", "logic", "data", "split"], str]


class Measured(Section):
    """How a model did on the test rows, which is what monitoring holds the answers of the day against.

    Attributes:
        metric: which decided.
        confidence: of the bounds.
        parts: "all", a slice such as `age_group = adult`, or a route such as `route = adult` → score, low, high.
        routed: share of the rows that were routed as their segment says, low, high; None without routes.
    """

    metric: str
    confidence: float
    parts: dict[str, tuple[float, float, float]]
    routed: tuple[float, float, float] | None = None


class Origin(Section):
    """What a model was made for, and of what; `settings` are those behind its logic, which cards did not keep at first."""

    version: str
    made_of: MadeOf
    candidate: str
    data: Data
    columns: Columns
    split: Split
    limits: dict[str, Limits]
    settings: dict[str, Any] | None = None
    views: str
    scores: dict[str, float]
    measured: Measured | None = None
    training_data: str
    code: str


class Card(Origin):
    """What a bundle says of itself; its golden rows are training rows, and as much in need of care."""

    key: Literal["number", "text"]
    classes: tuple[str, ...] | None
    parts: dict[str, str]
    libraries: dict[str, str]
    files: dict[str, str]
    golden_rows: tuple[dict[str, Any], ...]
    golden_words: tuple[str, ...]
    golden_answers: tuple[dict[str, Any], ...]


def version_of(made_of: MadeOf) -> str:
    """interface.logic.data.split: six characters of each digest, so that two versions tell in what the models differ."""
    return ".".join(made_of[part][:6] for part in ("interface", "logic", "data", "split"))


def read_card(folder: Path) -> Card:
    """A bundle's card.

    Raises:
        BundleError: it cannot be read.
    """
    try:
        return Card.model_validate_json((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        raise BundleError(f"the card of model {folder.name} cannot be read; restore it or retrain with `make run`") from None
