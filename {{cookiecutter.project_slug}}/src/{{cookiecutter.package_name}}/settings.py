"""Every knob of the project, typed and frozen.

Read once from `settings.toml` at the door and passed down. An unknown key, a missing one or a value of the wrong type is
refused with one sentence that names the key, what was found and what to do.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .refusal import Refusal as Refusal

MODALITIES = ("numbers", "categories", "text", "image")

Share = Field(gt=0, lt=1)
Estimator = Literal["linear", "gradient_boosting"]


class SettingsError(Refusal):
    """A setting that cannot be used."""


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
    text: tuple[str, ...] = ()
    image: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if not self.names:
            raise ValueError("no modality names a column; list at least one under numbers, categories, text or image")
        for name in self.names:
            if self.names.count(name) > 1:
                raise ValueError(f"{name!r} is listed twice; keep one of them")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, modality by modality: the order in which the model reads them."""
        return self.numbers + self.categories + self.text + self.image

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


class Split(Section):
    """How rows are divided into training and test."""

    by: str
    test_share: float = Share


class Weights(Section):
    """Weight of each modality's block, once the block has unit mean norm."""

    numbers: float = Field(default=1.0, ge=0)
    categories: float = Field(default=1.0, ge=0)
    text: float = Field(default=1.0, ge=0)
    image: float = Field(default=1.0, ge=0)


class Encoders(Section):
    """How raw columns become numbers."""

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


class Settings(Section):
    """The whole of settings.toml."""

    seed: int = Field(ge=0)
    tables: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], Table]
    data: Data
    columns: Columns
    features: Features = Features()
    split: Split
    encoders: Encoders = Encoders()
    model: Model
    cascade: CascadeSettings = CascadeSettings()
    gate: Gate
    serving: Serving = Serving()

    def only(self, sections: Iterable[str]) -> Settings:
        """The settings with some sections alone; reading another one raises AttributeError."""
        part = self.model_copy()
        object.__setattr__(part, "__dict__", {name: getattr(self, name) for name in sections})
        return part


def read_settings(path: Path) -> Settings:
    """The settings in a file.

    Raises:
        SettingsError: the file is absent, is not TOML, or holds a key or value that cannot be used.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist; run this in the project's folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}; mend that line") from None
    try:
        # JSON knows no tuples, so a strict model takes its arrays for them.
        return Settings.model_validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        # A misspelt key is one unknown and one missing: the unknown one tells more.
        wrong = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        raise SettingsError(_sentence(path, wrong[0])) from None


def _sentence(path: Path, error: Any) -> str:
    """The first thing wrong, in words for the person who edits the file."""
    *parents, _ = error["loc"] or ("",)
    section: Any = Settings
    for parent in parents:
        section = _field(section, parent)
    name = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return f"{path}: {name} is no known setting; known here are {', '.join(section.model_fields)}"
        case "missing":
            return f"{path}: {name} is missing; add it (the keys of this section are {', '.join(section.model_fields)})"
        case "value_error":
            return f"{path}: {name}: {error['ctx']['error']}"
        case _:
            wanted = error["msg"].removeprefix("Input should be ")
            return f"{path}: {name} is {error['input']!r}, expected {wanted}; change it"


def _field(section: Any, key: str | int) -> Any:
    """The type that a section's key holds; the entries of a table of tables share one."""
    fields = getattr(section, "model_fields", {})
    if key not in fields:
        return section
    annotation = fields[key].annotation
    return getattr(annotation, "__args__", (None, annotation))[-1]
