"""What the log keeps of an answer's making: no private value, and in place of a picture its digest."""

from __future__ import annotations

import datetime as dt
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from .data.schema import label

PICTURE = "sha256"  # the digest's name


@dataclass(frozen=True)
class Redaction:
    """Takes out what is not to be kept.

    Args:
        entity: the column of the key.
        images: columns that hold pictures.
        private: columns, the entity among them or not, whose values are not to be kept.
    """

    entity: str
    images: frozenset[str]
    private: frozenset[str]

    def key(self, key: int | str) -> int | str | None:
        """The entity's key, if it may be kept."""
        return None if self.entity in self.private else key

    def masked(self, inputs: Mapping[str, Any]) -> list[str]:
        """The columns whose values are taken out."""
        return [name for name, value in inputs.items() if name in self.private and value is not None]

    def inputs(self, inputs: Mapping[str, Any]) -> tuple[str, dict[str, bytes]]:
        """What a model read, as JSON, and the pictures by their digests."""
        left, pictures = {**inputs, **dict.fromkeys(self.masked(inputs))}, {}
        for name in self.images:
            if left.get(name) is not None:
                content = left[name] if isinstance(left[name], bytes) else b64decode(left[name])
                left[name] = {PICTURE: sha256(content).hexdigest()}
                pictures[left[name][PICTURE]] = content
        return as_json(left), pictures

    def answer(self, answer: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What was said, without a private key, and without a route that repeats a private segment."""
        told = {label(inputs[name]) for name in self.masked(inputs) if name not in self.images}
        hidden = {self.entity} & self.private | ({"route"} if answer.get("route") in told else set())
        return {name: None if name in hidden else value for name, value in answer.items()}


def as_json(values: Mapping[str, Any]) -> str:
    """JSON that any reader takes, for whom NaN is none."""
    return json.dumps({name: None if value != value else value for name, value in values.items()}, default=_plain)


def _plain(value: Any) -> Any:
    """A time as text, and a number of NumPy's as a number."""
    return value.isoformat() if isinstance(value, dt.date) else value.item()
