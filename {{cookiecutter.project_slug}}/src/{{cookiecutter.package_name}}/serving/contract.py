"""The request: what a row may hold, made from the card of the model that will answer it."""

from __future__ import annotations

import json
from functools import cache
from reprlib import repr as shown  # short, however long or deep the value
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..card import Card
from ..data.limits import wanted
from ..refusal import Refusal
from ..sections import Columns, Data, Limits

MOST_CHARACTERS = 100_000  # of a text: more than ten thousand words, and an encoder of text takes memory by the character
TEXT = Annotated[str, Field(max_length=MOST_CHARACTERS)]
FINITE = Annotated[float, Field(allow_inf_nan=False)]
TYPES: dict[str, Any] = {
    "numbers": FINITE,
    "categories": TEXT | int | FINITE | bool,
    "dates": Annotated[TEXT, Field(json_schema_extra={"format": "date-time"})],
    "text": TEXT,
    "image": Annotated[str, Field(json_schema_extra={"format": "byte"})],
}
KEYS: dict[str, Any] = {"number": Annotated[int, Field(ge=-(2**63), lt=2**63)], "text": TEXT}
TOLD = {"dates": "a time in ISO 8601", "image": "a PNG or JPEG, base64", "number": "a whole number of 64 bits"}
# What an example shows where a null may not stand; the picture has one pixel.
SAMPLES = {"dates": "2026-05-01T12:00:00Z", "image": "R0lGODdhAQABAIAAAAAAAAAAACwAAAAAAQABAAACAkQBADs="}


class RequestError(Refusal):
    """A row that cannot be answered; the message names its field."""


class TooManyRowsError(RequestError):
    """A request of more rows than are answered at once."""


def row_model(card: Card) -> type[BaseModel]:
    """The type of one row: the entity, and any column of the model; what is absent comes from the feature store or is null."""
    return _row_model(card.key, card.data, card.columns, tuple(card.limits.items()), example(card))


def parse(card: Card, text: str | bytes, most: int | None = None) -> list[dict[str, Any]]:
    """The rows in a JSON text, one object or a list of them; only the fields that were sent.

    Args:
        card: of the model that will answer.
        text: JSON.
        most: rows; of more, none is looked at.

    Raises:
        RequestError: it is not JSON, or a field is unknown, missing, of the wrong type or out of its range.
        TooManyRowsError: it holds more than the most.
    """
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the request is not JSON: {error}; send an object such as {example(card)}") from None
    if rows == []:
        raise RequestError(f"the request holds no row; send one such as {example(card)}")
    if most is not None and isinstance(rows, list) and len(rows) > most:
        raise TooManyRowsError(f"{len(rows)} rows, at most {most} are answered at once; send fewer, or use `score`")
    model = row_model(card)
    return [_checked(model, number, row) for number, row in enumerate(rows if isinstance(rows, list) else [rows])]


def example(card: Card) -> str:
    """A row to copy; it shows the fields, not what a training row held."""
    row: dict[str, object] = {}
    for name, modality in card.columns.modalities().items():
        limits = card.limits.get(name, Limits())
        sample = SAMPLES.get(modality, "words") if modality != "numbers" else limits.min or limits.max or 0.0
        row[name] = None if limits.null else sample
    return json.dumps(row | {card.data.entity: 1 if card.key == "number" else "key"})


@cache  # it takes milliseconds, and checking a row microseconds
def _row_model(key: str, data: Data, columns: Columns, limits: tuple[tuple[str, Limits], ...], copied: str) -> type[BaseModel]:
    key_field = (KEYS[key], Field(alias=data.entity, description=TOLD.get(key, "a text")))
    fields: dict[str, Any] = {data.entity: key_field}
    for name, modality in columns.modalities().items():
        limit = dict(limits).get(name, Limits())
        held = Annotated[FINITE, Field(ge=limit.min, le=limit.max)] if modality == "numbers" else TYPES[modality]
        told = wanted(limit) if modality == "numbers" else TOLD.get(modality)
        fields[name] = (held | None if limit.null else held, Field(default=None, alias=name, description=told))
    fields[data.entity] = key_field  # the key's own form, where the model reads it as well
    if data.segment and data.segment not in fields:
        told = "used if known, else predicted"
        fields[data.segment] = (TYPES["categories"] | None, Field(default=None, alias=data.segment, description=told))
    config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [json.loads(copied)]})
    # The attributes are numbered, for a column may have a name that none can have, such as `_id` or `copy`.
    numbered: Any = {f"field{place}": field for place, field in enumerate(fields.values())}
    made: type[BaseModel] = create_model("Row", __config__=config, **numbered)
    return made


def _checked(model: type[BaseModel], number: int, row: object) -> dict[str, Any]:
    try:
        return model.model_validate(row).model_dump(exclude_unset=True, by_alias=True)
    except ValidationError as error:
        described = {str(field.alias): field.description for field in model.model_fields.values()}
        raise RequestError(_sentence(error.errors()[0], described, number)) from None


def _sentence(error: Any, described: dict[str, str | None], number: int) -> str:
    """The first thing wrong with a row, in words."""
    name, value = ".".join(str(part) for part in error["loc"][:1]), shown(error["input"])
    if not error["loc"]:
        return f"row {number} is {value}; a row is an object with the fields {', '.join(described)}"
    match error["type"]:
        case "extra_forbidden":
            return f"row {number}: {name!r} is no known field; the fields are {', '.join(described)}"
        case "missing":
            return f"row {number}: {name!r} is missing; every row needs it"
        case "greater_than_equal" | "less_than_equal" | "less_than":
            return f"row {number}: {name!r} is {value}, not {described[name]}"
        case _:
            return f"row {number}: {name!r} is {value}: {error['msg'][:1].lower()}{error['msg'][1:]}"
