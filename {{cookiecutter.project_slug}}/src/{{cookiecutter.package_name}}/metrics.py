"""What "good" means, in training, at the gate and in monitoring alike.

The names can be read without scikit-learn, which costs a second to import.
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
        function: of the truth, the predictions, the probabilities (rows by classes) and the classes in their order.
        greater_is_better: which way is up.
        task: "classification" or "regression".
    """

    function: Callable[[Any, Any, Any, Any], float]
    greater_is_better: bool
    task: str


def scores(
    task: str, y: Any, prediction: Any, probabilities: np.ndarray | None = None, classes: Sequence[Any] | None = None
) -> dict[str, float]:
    """Every metric of the task by name; in classification it needs the probabilities and their classes."""
    return {name: float(metric.function(y, prediction, probabilities, classes)) for name, metric in of_task(task).items()}


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


def _accuracy(y: Any, prediction: Any, probabilities: Any, classes: Any) -> float:
    return float(np.mean(np.asarray(y) == np.asarray(prediction)))


def _balanced_accuracy(y: Any, prediction: Any, probabilities: Any, classes: Any) -> float:
    from sklearn.metrics import recall_score

    return float(recall_score(y, prediction, labels=np.unique(np.asarray(y)), average="macro", zero_division=0))


def _log_loss(y: Any, prediction: Any, probabilities: Any, classes: Any) -> float:
    """Mean surprise in nats; a class that the model never saw costs as much as a probability of 1e-15."""
    column = {name: place for place, name in enumerate(classes)}
    places = np.asarray([column.get(name, -1) for name in y])
    padded = np.column_stack([probabilities, np.zeros(len(places))])
    return float(-np.log(np.clip(padded[np.arange(len(places)), places], 1e-15, 1)).mean())


def _rmse(y: Any, prediction: Any, probabilities: Any, classes: Any) -> float:
    return float(np.sqrt(np.mean((np.asarray(y) - np.asarray(prediction)) ** 2)))


def _mae(y: Any, prediction: Any, probabilities: Any, classes: Any) -> float:
    return float(np.mean(np.abs(np.asarray(y) - np.asarray(prediction))))


def _r2(y: Any, prediction: Any, probabilities: Any, classes: Any) -> float:
    from sklearn.metrics import r2_score

    return float(r2_score(y, prediction))


METRICS = {
    "log_loss": Metric(_log_loss, greater_is_better=False, task="classification"),
    "accuracy": Metric(_accuracy, greater_is_better=True, task="classification"),
    "balanced_accuracy": Metric(_balanced_accuracy, greater_is_better=True, task="classification"),
    "rmse": Metric(_rmse, greater_is_better=False, task="regression"),
    "mae": Metric(_mae, greater_is_better=False, task="regression"),
    "r2": Metric(_r2, greater_is_better=True, task="regression"),
}
