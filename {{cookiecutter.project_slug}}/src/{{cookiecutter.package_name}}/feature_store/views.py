"""What a feature is: a column of a view, and a view is SQL over raw tables.

A view owes its readers a description, an owner and a unit; it cannot be made without the first two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from ..digests import digest_of
from ..refusal import Refusal

DTYPES = ("float", "int", "str", "bool")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RESERVED = ("event_time", "created_time", "write_number")


class ViewError(Refusal):
    """A view that cannot be used."""


@dataclass(frozen=True)
class Feature:
    """One column of a view.

    Args:
        name: column of the view's SQL, unique over all views.
        dtype: what the column holds.
        description: what it means, for people who did not write it.
        unit: of a number: "min", "EUR", "1" for a count.
        pii: whether it tells who somebody is; training reads it only if settings allow.
    """

    name: str
    dtype: Literal["float", "int", "str", "bool"]
    description: str
    unit: str = "1"
    pii: bool = False


@dataclass(frozen=True)
class FeatureView:
    """Features of one entity over time.

    Args:
        name: of the view, unique.
        entity: its key column, or several that are the key together; the same names as in the raw rows. Whole numbers or text.
        sql: a SELECT over raw tables with the entity, `event_time` (when it was true), optionally `created_time` (when it was
            known; without it, the event time) and every feature.
        features: the columns that the view offers.
        description: what the view tells.
        owner: who answers for it.
        ttl: how long a value holds after its event; None is for ever.
    """

    name: str
    entity: str | tuple[str, ...]
    sql: str
    features: tuple[Feature, ...]
    description: str
    owner: str
    ttl: timedelta | None = None

    def __post_init__(self) -> None:
        for name in (self.name, *self.keys, *self.names):
            if not _NAME.fullmatch(name):
                raise ViewError(f"view {self.name!r}: {name!r} is no name; use lower-case letters, digits and _, at most 63")
            if name in _RESERVED:
                raise ViewError(f"view {self.name!r}: the name {name!r} is the store's own; choose another")
        columns = [*self.keys, *self.names]
        for name in columns:
            if columns.count(name) > 1:
                raise ViewError(f"view {self.name!r} names {name!r} twice; keep one")
        for what in ("entity", "features"):
            if not getattr(self, what):
                raise ViewError(f"view {self.name!r} has no {what}; name at least one")
        for what in ("description", "owner"):
            if not getattr(self, what).strip():
                raise ViewError(f"view {self.name!r} has no {what}; write one, its readers need it")
        for feature in self.features:
            if not feature.description.strip():
                raise ViewError(f"feature {feature.name!r} of view {self.name!r} has no description; write one")
            if feature.dtype not in DTYPES:
                raise ViewError(
                    f"feature {feature.name!r} of view {self.name!r} is {feature.dtype!r}; it may be {', '.join(DTYPES)}"
                )
        if self.ttl is not None and not timedelta(0) < self.ttl <= timedelta(days=36525):
            raise ViewError(f"view {self.name!r}: a ttl of {self.ttl} is none or longer than a century; None holds for ever")

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns."""
        return (self.entity,) if isinstance(self.entity, str) else self.entity

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names."""
        return tuple(feature.name for feature in self.features)


def views_of(views: Sequence[FeatureView], names: Sequence[str]) -> list[FeatureView]:
    """The views of which some feature is named."""
    return [view for view in views if set(view.names) & set(names)]


def views_digest(views: Sequence[FeatureView]) -> str:
    """The sha256 of some definitions: a model that was trained on others must not read these."""
    return digest_of([repr(view) for view in views])


def features_by_name(views: Sequence[FeatureView]) -> dict[str, Feature]:
    """Every feature of some views, by its name.

    Raises:
        ViewError: two views, or two features, share a name.
    """
    found: dict[str, Feature] = {}
    names = [view.name for view in views]
    for view in views:
        if names.count(view.name) > 1:
            raise ViewError(f"two views are called {view.name!r}; rename one")
        for feature in view.features:
            if feature.name in found:
                raise ViewError(f"feature {feature.name!r} of view {view.name!r} stands in another view too; rename one")
            found[feature.name] = feature
    return found
