"""The request: what a row may hold, made from the card of the model that will answer it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..refusal import Refusal
from ..registry import Card

TYPES: dict[str, Any] = {
    "numbers": Annotated[float, Field(allow_inf_nan=False)] | None,
    "categories": str | int | float | bool | None,
    "text": str | None,
    "image": Annotated[str, Field(description="a PNG or JPEG, base64")] | None,
}


class RequestError(Refusal):
    """A row that cannot be answered; the message names its field."""


def row_model(card: Card) -> type[BaseModel]:
    """The type of one row: the entity, and any column of the model; what is absent comes from the feature store or is null."""
    whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
    entity: Any = (whole if card.key == "number" else str, Field(description="the entity's key"))
    fields: dict[str, Any] = {card.data.entity: entity}
    for name, modality in card.columns.modalities().items():
        fields[name] = (TYPES[modality], None)
    if card.data.segment and card.data.segment not in fields:
        fields[card.data.segment] = (TYPES["categories"], Field(default=None, description="used if known, else predicted"))
    shown: Any = {"examples": [json.loads(example(card))]}
    config = ConfigDict(extra="forbid", strict=True, json_schema_extra=shown)
    return create_model("Row", __config__=config, **fields)


def parse(card: Card, text: str | bytes) -> list[dict[str, Any]]:
    """The rows in a JSON text, one object or a list of them; only the fields that were sent.

    Raises:
        RequestError: it is not JSON, or a field is unknown, missing or of the wrong type.
    """
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the request is not JSON: {error}; send an object such as {example(card)}") from None
    if rows == []:
        raise RequestError(f"the request holds no row; send one such as {example(card)}")
    model = row_model(card)
    return [_checked(model, number, row) for number, row in enumerate(rows if isinstance(rows, list) else [rows])]


def example(card: Card) -> str:
    """A row to copy; it shows the fields, not what a training row held."""
    key = {card.data.entity: 1 if card.key == "number" else "key"}
    return json.dumps(dict.fromkeys(card.columns.names) | key)


def _checked(model: type[BaseModel], number: int, row: object) -> dict[str, Any]:
    try:
        return model.model_validate(row).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise RequestError(_sentence(error.errors(), list(model.model_fields), number)) from None


def _sentence(errors: Sequence[Any], known: Sequence[str], number: int) -> str:
    """The first thing wrong with a row, in words."""
    first = errors[0]
    name = ".".join(str(part) for part in first["loc"][:1])
    if first["type"] == "extra_forbidden":
        return f"row {number}: {name!r} is no known field; the fields are {', '.join(known)}"
    if first["type"] == "missing":
        return f"row {number}: {name!r} is missing; every row needs it"
    if not name:
        return f"row {number} is {first['input']!r:.60}; a row is an object with the fields {', '.join(known)}"
    return f"row {number}: {name!r} is {first['input']!r:.60}: {first['msg'][:1].lower()}{first['msg'][1:]}"
