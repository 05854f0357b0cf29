"""The section of the parameter search: which settings are sought, where, and for how long."""

from __future__ import annotations

from math import inf
from typing import Any, Self

from pydantic import Field, model_validator

from .sections import Positive, Section


class Knob(Section):
    """Where a setting's value is sought: from low to high, or among values."""

    low: Any = None
    high: Any = None
    log: bool = False
    values: tuple[Any, ...] = Field(default=(), strict=False)

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        return {"values": given} if isinstance(given, list) else given

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        numbers = all(isinstance(end, int | float) for end in (self.low, self.high))
        if bool(self.values) == (numbers and (0 if self.log else -inf) < self.low < self.high < inf):
            raise ValueError(
                "expected a list of values, or { low = …, high = … } with low below high, and above 0 if log = true; mend it"
            )
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values, or the ends of the range."""
        return self.values or (self.low, self.high)


class Tune(Section):
    """What is sought, on how many folds of the training rows, and for how long."""

    trials: int = Field(default=20, ge=1)
    minutes: Positive = 10.0
    folds: int = Field(default=3, ge=2)
    space: dict[str, Knob] = Field(default={})
