"""What a row lacks, so that it is counted and not only answered: modalities without a value, categories never seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.compose import ColumnTransformer


@dataclass(frozen=True)
class Gaps:
    """Finds them in a row's conformed values, by column.

    Args:
        columns: modality → its columns.
        known: column → the categories that training saw; a column whose encoder learns none is not among them.
    """

    columns: Mapping[str, tuple[str, ...]]
    known: Mapping[str, frozenset[Any]]

    def missing(self, row: Mapping[str, Any]) -> str | None:
        """The modalities of which it has no value, joined by commas; None if there is none."""
        absent = [modality for modality, names in self.columns.items() if all(_is_nothing(row[name]) for name in names)]
        return ", ".join(absent) or None

    def unseen(self, row: Mapping[str, Any]) -> str | None:
        """The columns whose category training never saw, joined by commas; None if there is none."""
        strange = [name for name, known in self.known.items() if row[name] is not None and row[name] not in known]
        return ", ".join(strange) or None


def gaps(encode: ColumnTransformer) -> Gaps:
    """What a fitted encoder would miss in a row."""
    blocks = [(modality, block[0]) for modality, block, _ in encode.transformers_ if modality != "remainder"]
    columns = {modality: tuple(dict.fromkeys(n for *_, own in kinds.transformers_ for n in own)) for modality, kinds in blocks}
    parts = [(part, own) for _, kinds in blocks for _, pipeline, own in kinds.transformers_ for part in pipeline]
    known = [zip(own, part.categories_, strict=True) for part, own in parts if hasattr(part, "categories_")]
    return Gaps(columns, {name: frozenset(categories) for pairs in known for name, categories in pairs})


def _is_nothing(value: Any) -> bool:
    return value is None or value == "" or value != value  # NaN and NaT are not what they are
