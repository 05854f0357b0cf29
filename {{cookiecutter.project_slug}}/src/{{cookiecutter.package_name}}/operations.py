"""The sections of operation: how answers are given, logged and watched, and how their truth comes back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .sections import Positive, Section

Share = Annotated[float, Field(ge=0, le=1)]
Variable = Annotated[str, Field(pattern=r"^([A-Za-z_]\w*)?$")]  # of the environment
Source = Literal["observed", "review", "model"]


class Candidate(Section):
    """A second model that is tried beside the one that answers; none, if it has no version."""

    version: str = ""
    share: Share = 0.0
    timeout_ms: Positive = 500.0
    max_failures: Share = 0.05


class Serving(Section):
    """Where the API listens, whom it lets in and how much it takes; read anew while it runs, but for host, port and workers."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default=1, ge=1)
    answering: bool = True
    timeout_seconds: Positive = 10.0
    concurrent: int = Field(default=16, ge=1, le=256)
    max_rows: int = Field(default=1000, ge=1)
    max_megabytes: Positive = 32.0
    cached_rows: int = Field(default=0, ge=0)
    api_key: Variable = ""
    candidate: Candidate = Candidate()


class Logging(Section):
    """Where answers are logged, for how long, and what happens where they can't be."""

    folder: str = "predictions"
    on_failure: Literal["refuse", "answer"] = "refuse"
    keep_days: int = Field(default=90, ge=1)
    pictures: bool = True


class Feedback(Section):
    """Which answers somebody should look at, and which labels may be learned from."""

    review_below: Share = 0.5
    learn_from: tuple[Source, ...] = ("observed", "review")


class Monitoring(Section):
    """What of the latest answers is worth an alarm."""

    hours: Positive = 24.0
    min_rows: int = Field(default=100, ge=20)
    false_alarms: float = Field(default=0.05, gt=0, lt=0.5)
    min_effect: float = Field(default=0.05, ge=0, lt=1)
    min_labels: int = Field(default=50, ge=10)
    max_loss: float = Field(default=0.0, ge=0)
    absence_hours: Positive = 24.0
    max_burst: float = Field(default=5.0, gt=1)
    max_repeats: Share = 0.2
    max_model_days: Positive = 90.0
    alerts: tuple[Literal["stdout", "file", "webhook"], ...] = ("stdout", "file")
    webhook: Variable = ""
