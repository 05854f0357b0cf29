"""A finding: what monitoring looked at, what it found there, and whether somebody should know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        kind: what it is about.
        name: unique and stable, such as "drift of hour: distribution"; alerts are told apart by it.
        alarm: whether it asks for somebody's attention.
        sentence: what was found, and what was expected.
        figures: what it rests on; for drift `column`, `modality`, `measure`, `effect` and `p`.
    """

    kind: Literal["drift", "quality", "traffic", "staleness"]
    name: str
    alarm: bool
    sentence: str
    figures: Mapping[str, float | str | None] = field(default_factory=dict)
