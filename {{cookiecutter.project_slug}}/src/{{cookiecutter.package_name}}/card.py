"""The card of a bundle: what a model was made of, and by what to know it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from .model.persistence import BundleError
from .sections import Columns, Data, Limits, Section

CARD = "card.json"


class Origin(Section):
    """What a model was made for, and of what."""

    version: str
    candidate: str
    data: Data
    columns: Columns
    limits: dict[str, Limits]
    views: str
    scores: dict[str, float]
    training_data: str
    code: str


class Card(Origin):
    """What a bundle says of itself; its golden rows are training rows, and as much in need of care."""

    key: Literal["number", "text"]
    classes: tuple[str, ...] | None
    libraries: dict[str, str]
    files: dict[str, str]
    golden_rows: tuple[dict[str, Any], ...]
    golden_words: tuple[str, ...]
    golden_answers: tuple[dict[str, Any], ...]


def read_card(folder: Path) -> Card:
    """A bundle's card.

    Raises:
        BundleError: it cannot be read.
    """
    try:
        return Card.model_validate_json((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError):
        raise BundleError(f"the card of model {folder.name} cannot be read; restore it or retrain with `make run`") from None
