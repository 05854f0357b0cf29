"""The reference of a model: what rows looked like when it was trained, and what it answered to rows that it had not seen.

One row of each entity, in a few numbers, with how often it asked and without its key. Words are counted in the rows of one half
of the entities, and only rows of the other half are described by them: whoever counted knows every word that he is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pandas as pd

from .data.schema import categories
from .data.split import is_test
from .descriptors.column import OF_WORDS, Vocabulary, described, learned
from .sections import Columns, Section

ROWS, ANSWERS, WORDS = FILES = ("reference.parquet", "reference_answers.parquet", "reference_words.json")
MOST_ROWS = 2000  # of the reference and of a window: enough to tell distributions apart that are 0.06 away from each other
COUNT = "rows"  # of the row's entity


class _Learned(Section):
    """What is kept beside the rows."""

    entity: str
    columns: Columns
    words: dict[str, Vocabulary]


@dataclass(frozen=True, eq=False)
class Reference:
    """What a window of rows and answers is compared with.

    Args:
        entity: the key's column.
        columns: what the model reads.
        words: of each text column.
        rows: descriptors as `describe` gives them, and COUNT.
        answers: `prediction`, `probability` and `route`, where the model has them, and COUNT.
    """

    entity: str
    columns: Columns
    words: Mapping[str, Vocabulary]
    rows: pd.DataFrame
    answers: pd.DataFrame

    @classmethod
    def learned(cls, rows: pd.DataFrame, columns: Columns, entity: str, times: pd.Series | None = None) -> Self:
        """The reference of a model that was trained on rows; it has no answers yet.

        Args:
            rows: training rows, conformed, with the entity.
            columns: what the model reads.
            entity: the key's column.
            times: of the rows, if time plays a part; an entity's newest row is kept then.
        """
        times = None if times is None else times.reset_index(drop=True)
        rows = rows.reset_index(drop=True)
        teachers = rows[teaches(rows[entity])]
        words = {name: learned(teachers[name], teachers[entity]) for name in columns.text}
        empty = cls(entity, columns, words, pd.DataFrame(), pd.DataFrame())
        counts = one_of_each(rows[entity], MOST_ROWS, times)
        told = empty.describe(rows.loc[counts.index]).assign(**{COUNT: counts})
        return replace(empty, rows=told.reset_index(drop=True))

    def describe(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The descriptors of rows, called "measure:column".

        Args:
            frame: conformed; a column that it lacks has no descriptors. Without the entity every row is described by words.
        """
        told = {
            f"{measure}:{name}": values
            for name, modality in self.columns.modalities().items()
            if name in frame
            for measure, values in described(frame[name], modality, self.words.get(name)).items()
        }
        if self.entity in frame and self.columns.text:
            taught = teaches(frame[self.entity])
            told |= {name: values.mask(taught) for name, values in told.items() if name.split(":")[0] in OF_WORDS}
        return pd.DataFrame(told, index=frame.index)

    def with_answers(self, answers: pd.DataFrame, entities: pd.Series, times: pd.Series | None = None) -> Self:
        """The reference with what the model says of rows that it was not trained on.

        Args:
            answers: `prediction`, of a classification `p:<class>`, of a cascade `route`.
            entities: whose rows they are, with the same index.
            times: of the rows, likewise.
        """
        times = None if times is None else times.reset_index(drop=True)
        counts = one_of_each(entities.reset_index(drop=True), MOST_ROWS, times)
        held = answers.reset_index(drop=True).loc[counts.index]
        shares = held.filter(regex="^p:")
        told = {"prediction": said(held["prediction"], shares.empty)}
        if not shares.empty:
            told["probability"] = shares.max(axis=1).astype("float32")
        if "route" in held:
            told["route"] = said(held["route"], number=False)
        return replace(self, answers=pd.DataFrame(told).assign(**{COUNT: counts}).reset_index(drop=True))

    def save(self, folder: Path) -> None:
        """Write FILES; without the schema of Arrow, which would be a third of them."""
        for name, frame in {ROWS: self.rows, ANSWERS: self.answers}.items():
            frame.to_parquet(folder / name, index=False, compression="zstd", store_schema=False)
        beside = _Learned(entity=self.entity, columns=self.columns, words=dict(self.words))
        (folder / WORDS).write_text(beside.model_dump_json(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        beside = _Learned.model_validate_json((folder / WORDS).read_text(encoding="utf-8"))
        rows, answers = (_read(folder / name) for name in (ROWS, ANSWERS))
        return cls(beside.entity, beside.columns, beside.words, rows, answers)


def one_of_each(entities: pd.Series, most: int, times: pd.Series | None = None) -> pd.Series:
    """A row of each entity, drawn: the first one of a day is not like the others.

    Args:
        entities: of each row, with an index that tells the rows apart.
        most: entities; rows are drawn until there are as many.
        times: of the rows; those of the newest day are taken then, for a model that has learned what is new expects it.

    Returns:
        How many of the drawn rows its entity has, by the row.
    """
    drawn = entities.sample(frac=1, random_state=0)
    if times is not None:
        days = times.loc[drawn.index].dt.floor("D")  # the last one of a day is not like the others either
        drawn = drawn.loc[days.sort_values(ascending=False, kind="stable").index]
    drawn = drawn[(~drawn.duplicated()).cumsum() <= most]
    return drawn.drop_duplicates().map(drawn.value_counts()).astype("int64")


def teaches(entities: pd.Series) -> pd.Series:
    """Of which entities the words are counted: one half, by their hash, which is another one than that of the split."""
    told = "words of " + entities.astype(str)
    return is_test(told, 0.5) & entities.notna()


def said(column: pd.Series, number: bool) -> pd.Series:
    """Predictions or routes in the form in which they are compared."""
    return column.astype("float32") if number else categories(column)


def _read(path: Path) -> pd.DataFrame:
    """A frame in which labels are str or None, whatever pandas makes of them."""
    frame = pd.read_parquet(path)
    labels = [str(name) for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]  # a boolean is numeric
    return frame.assign(**{name: categories(frame[name]) for name in labels})
