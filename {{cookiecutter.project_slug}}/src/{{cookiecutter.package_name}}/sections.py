"""The sections of settings.toml, typed and frozen: what each key may hold, and what it is when left out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

MODALITIES = ("numbers", "categories", "dates", "text", "image")

Share = Field(gt=0, lt=1)
Positive = Annotated[float, Field(gt=0)]
Estimator = Literal["linear", "gradient_boosting"]
Reason = Literal["never", "changed", "data", "clock", "drift", "quality"]


def _listed(kind: object) -> object:
    kinds = (kind,) if isinstance(kind, str) else tuple(kind) if isinstance(kind, list) else kind
    if isinstance(kinds, tuple) and len(set(map(str, kinds))) != max(1, len(kinds)):
        raise ValueError("a kind is listed twice, or none is; name each once")
    return kinds


# One kind or several, whose columns then stand side by side.
Kinds = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Section(BaseModel):
    """A table of settings.toml: frozen, and no key but the declared ones."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Data(Section):
    """What is predicted, for whom, and when it was known."""

    rows: str
    task: Literal["classification", "regression"]
    entity: str
    event_time: str | None = None
    target: str
    segment: str | None = None

    @model_validator(mode="after")
    def _target_is_no_segment(self) -> Self:
        if self.target == self.segment:  # which a caller may send
            raise ValueError(f"target and segment are both {self.target!r}; name another segment, or leave it out")
        return self


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
    min: Annotated[float, Field(allow_inf_nan=False)] | None = None
    max: Annotated[float, Field(allow_inf_nan=False)] | None = None
    null: bool = True
    pii: bool = False

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min = {self.min:g} is above max = {self.max:g}; swap them")
        return self

    @property
    def is_range(self) -> bool:
        """Whether numbers are bounded."""
        return self.min is not None or self.max is not None

    def allows(self, value: Any) -> bool:
        """Whether a value keeps to them; what is no number has no range."""
        if value is None or value != value:  # NaN and NaT differ from themselves
            return self.null
        if isinstance(value, str | bytes):
            return True
        return (self.min is None or self.min <= value) and (self.max is None or value <= self.max)


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


class Network(Section):
    """A frozen encoder: an ONNX file, and how it wants to see pictures."""

    path: str
    size: int = Field(default=224, ge=16, le=2048)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)


class Encoders(Section):
    """How raw columns become numbers; the kinds are words of the modality's file in `encoders/`."""

    fusion: Literal["weighted", "concatenated", "stacked"] = "weighted"
    numbers: Kinds = ("standard",)
    categories: Kinds = ("one_hot",)
    dates: Kinds = ("cyclic",)
    text: Kinds = ("latent",)
    image: Kinds = ("looks",)
    columns: dict[str, Kinds] = {}
    networks: dict[Literal["text", "image"], Network] = {}
    folds: int = Field(default=5, ge=2)
    weights: Weights = Weights()
    rare_category: int = Field(default=5, ge=1)
    hashed_dimensions: int = Field(default=64, ge=2, le=2**16)
    text_words: int = Field(default=20_000, ge=10)
    text_dimensions: int = Field(default=100, ge=2)
    image_size: int = Field(default=32, ge=16, le=512)
    image_dimensions: int = Field(default=64, ge=2)

    def located(self, root: Path) -> Encoders:
        """The same, with each network's path from the project's folder."""
        found = {name: own.model_copy(update={"path": str(root / own.path)}) for name, own in self.networks.items()}
        return self.model_copy(update={"networks": found})


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
    """What a model must show before it may answer, and who has the last word."""

    metric: str
    min_gain: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=0.95, ge=0.5, lt=1)
    slices: tuple[str, ...] = ()
    min_slice: int = Field(default=30, ge=1)
    max_slice_loss: float = Field(default=0.0, ge=0)
    floor: float | None = None
    max_calibration_error: Positive = 0.3
    max_megabytes: Positive = 500.0
    max_p95_ms: Positive = 250.0
    approve: Literal["gate", "hand"] = "gate"
    keep: int = Field(default=10, ge=2)


class Compute(Section):
    """Where the inner loops of training run; a scheduler of Dask's goes before workers on this machine."""

    workers: int = Field(default=1, ge=1)
    dask: Annotated[str, Field(pattern=r"^(|(tcp|tls|ucx)://\S+)$")] = ""


class Retrain(Section):
    """When `due` says that it is time for a run."""

    reasons: tuple[Reason, ...] = get_args(Reason)
    max_age_days: Positive = 30.0
    rest_hours: float = Field(default=24.0, ge=0)


class Tracking(Section):
    """Where MLflow keeps runs; nowhere, if it is empty."""

    uri: str = ""
    experiment: Annotated[str, Field(pattern=r"^[\w -]+$")] = "runs"
