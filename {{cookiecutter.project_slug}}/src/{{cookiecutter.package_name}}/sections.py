"""The sections of settings.toml, typed and frozen: what each key may hold, and what it is when left out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MODALITIES = ("numbers", "categories", "dates", "text", "image")

Share = Field(gt=0, lt=1)
Estimator = Literal["linear", "gradient_boosting"]


class Section(BaseModel):
    """A table of settings.toml: frozen, and no key but the declared ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Table(Section):
    """Where one raw table comes from: files, a query, or the demo generator."""

    path: str | None = None
    query: str | None = None
    database: str | None = None
    demo: int | None = Field(default=None, ge=200)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [name for name in ("path", "query", "demo") if getattr(self, name) is not None]
        if len(named) != 1:
            found = " and ".join(named) or "none of them"
            raise ValueError(f"a table has exactly one of path, query, demo; found {found}")
        if (self.query is None) != (self.database is None):
            raise ValueError("query and database go together; give both, or a path instead")
        return self


class Data(Section):
    """What is predicted, for whom, and when it was known."""

    rows: str
    task: Literal["classification", "regression"]
    entity: str
    event_time: str | None = None
    target: str
    segment: str | None = None


class Columns(Section):
    """What the model reads, by modality."""

    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    image: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if not self.names:
            raise ValueError("no modality names a column; list at least one under numbers, categories, dates, text or image")
        for name in self.names:
            if self.names.count(name) > 1:
                raise ValueError(f"{name!r} is listed twice; keep one of them")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, modality by modality: the order in which the model reads them."""
        return self.numbers + self.categories + self.dates + self.text + self.image

    def by_modality(self) -> dict[str, tuple[str, ...]]:
        """The modalities that have columns, in their order."""
        return {name: getattr(self, name) for name in MODALITIES if getattr(self, name)}

    def modalities(self) -> dict[str, str]:
        """Column → its modality."""
        return {name: modality for modality, names in self.by_modality().items() for name in names}


class Features(Section):
    """Where the feature store is, and rules for reading it."""

    store: str = "feature_store"
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")] = "2GiB"
    allow_pii: tuple[str, ...] = ()

    def folder(self, root: Path) -> Path:
        """Where the store is."""
        return (root / self.store).resolve()

    def is_ours(self, root: Path) -> bool:
        """Whether this project writes it; a store outside the project's folder is another one's, and only read."""
        return self.folder(root).is_relative_to(root.resolve())


class Limits(Section):
    """What a raw column may hold."""

    unit: str = ""
    min: float | None = None
    max: float | None = None
    null: bool = True


class Validation(Section):
    """When rows are put aside, and when there are too many of them."""

    max_bad_share: float = Field(default=0.01, ge=0, lt=1)
    columns: dict[str, Limits] = {}


class Split(Section):
    """How rows are divided into training and test."""

    by: str
    test_share: float = Share


class Weights(Section):
    """Weight of each modality's block, once the block has unit mean norm."""

    numbers: float = Field(default=1.0, ge=0)
    categories: float = Field(default=1.0, ge=0)
    dates: float = Field(default=1.0, ge=0)
    text: float = Field(default=1.0, ge=0)
    image: float = Field(default=1.0, ge=0)


class Encoders(Section):
    """How raw columns become numbers; the kinds are words of the modality's file in `encoders/`."""

    fusion: str = "weighted"
    numbers: str = "standard"
    categories: str = "one_hot"
    dates: str = "cyclic"
    text: str = "latent"
    image: str = "shapes_and_colours"
    columns: dict[str, str] = {}
    networks: dict[str, str] = {}
    folds: int = Field(default=5, ge=2)
    weights: Weights = Weights()
    rare_category: int = Field(default=5, ge=1)
    text_words: int = Field(default=20_000, ge=10)
    text_dimensions: int = Field(default=100, ge=2)
    image_size: int = Field(default=32, ge=16, le=512)
    image_dimensions: int = Field(default=64, ge=2)


class Model(Section):
    """Which estimator is trained beside the baselines."""

    kind: str
    estimator: Estimator = "gradient_boosting"
    boosting_rounds: int = Field(default=60, ge=1)
    regularization: float = Field(default=1.0, gt=0)
    threads: int = Field(default=1, ge=1)
    saved_as: Literal["skops", "joblib"] = "skops"


class CascadeSettings(Section):
    """How the router's answer chooses among the specialists."""

    router: Estimator = "linear"
    specialist: Estimator = "linear"
    routing: Literal["soft", "hard"] = "soft"
    band: float = Field(default=0.1, ge=0, le=1)
    min_segment: int = Field(default=100, ge=1)
    folds: int = Field(default=5, ge=2)


class Gate(Section):
    """What a model must show before it is promoted."""

    metric: str
    min_gain: float = Field(default=0.0, ge=0)


class Serving(Section):
    """Where the API listens."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
