"""What "good" means, in training, at the gate and in monitoring alike.

Six plain formulas over numpy, so that whoever asks for a name does not wait a second for scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .settings import Refusal


class UnknownMetric(Refusal):
    """A metric that the task does not have."""


@dataclass(frozen=True)
class Metric:
    """A score of answers against the truth.

    Args:
        function: of the truth, the predictions and the probability that the truth was given (NaN in regression).
        greater_is_better: which way is up.
        task: "classification" or "regression".
    """

    function: Callable[[np.ndarray, np.ndarray, np.ndarray], float]
    greater_is_better: bool
    task: str


def scores(
    task: str, y: Any, prediction: Any, probabilities: np.ndarray | None = None, classes: Sequence[Any] | None = None
) -> dict[str, float]:
    """Every metric of the task by name.

    Args:
        task: "classification" or "regression".
        y: the truth.
        prediction: of each row.
        probabilities: rows by classes; classification needs them.
        classes: in the order of the probabilities' columns. A truth that is none of them had the probability 0.
    """
    truth, answer = np.asarray(y), np.asarray(prediction)
    likelihood = np.full(len(truth), np.nan)
    if probabilities is not None and classes is not None:
        likelihood = (probabilities * (truth[:, None] == np.asarray(classes)[None, :])).sum(axis=1)
    return {name: float(metric.function(truth, answer, likelihood)) for name, metric in of_task(task).items()}


def of_task(task: str) -> dict[str, Metric]:
    """The metrics that a task has."""
    return {name: metric for name, metric in METRICS.items() if metric.task == task}


def metric(name: str, task: str) -> Metric:
    """A metric by its name.

    Raises:
        UnknownMetric: the task has none of that name.
    """
    known = of_task(task)
    if name not in known:
        raise UnknownMetric(
            f"gate.metric is {name!r}, expected for {task} one of {', '.join(known)}; change it in settings.toml"
        )
    return known[name]


def _log_loss(y: np.ndarray, prediction: np.ndarray, likelihood: np.ndarray) -> float:
    """Mean surprise in nats; 1e-15 stands for 0, whose surprise would be infinite."""
    return float(-np.log(np.clip(likelihood, 1e-15, 1)).mean())


def _balanced_accuracy(y: np.ndarray, prediction: np.ndarray, likelihood: np.ndarray) -> float:
    """Mean over the classes of the share that was found, so that a rare class counts as much as a common one."""
    return float(np.mean([np.mean(prediction[y == name] == name) for name in np.unique(y)]))


METRICS = {
    "log_loss": Metric(_log_loss, greater_is_better=False, task="classification"),
    "accuracy": Metric(lambda y, p, _: np.mean(y == p), greater_is_better=True, task="classification"),
    "balanced_accuracy": Metric(_balanced_accuracy, greater_is_better=True, task="classification"),
    "rmse": Metric(lambda y, p, _: np.sqrt(np.mean((y - p) ** 2)), greater_is_better=False, task="regression"),
    "mae": Metric(lambda y, p, _: np.mean(np.abs(y - p)), greater_is_better=False, task="regression"),
    "r2": Metric(lambda y, p, _: 1 - np.mean((y - p) ** 2) / max(np.var(y), 1e-15), greater_is_better=True, task="regression"),
}
