"""What "good" means, in training, at the gate and in monitoring alike: scikit-learn's metrics, by name.

The names are known without scikit-learn, so that whoever asks for one does not wait a second for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .refusal import Refusal

if TYPE_CHECKING:
    import numpy as np


class UnknownMetric(Refusal):
    """A metric that the task does not have."""


@dataclass(frozen=True)
class Metric:
    """One of scikit-learn's metrics.

    Args:
        function: its name in `sklearn.metrics`.
        greater_is_better: which way is up.
        task: "classification" or "regression".
    """

    function: str
    greater_is_better: bool
    task: str


METRICS = {
    "log_loss": Metric("log_loss", greater_is_better=False, task="classification"),
    "accuracy": Metric("accuracy_score", greater_is_better=True, task="classification"),
    "balanced_accuracy": Metric("recall_score", greater_is_better=True, task="classification"),
    "rmse": Metric("root_mean_squared_error", greater_is_better=False, task="regression"),
    "mae": Metric("mean_absolute_error", greater_is_better=False, task="regression"),
    "r2": Metric("r2_score", greater_is_better=True, task="regression"),
}


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
    import numpy as np
    import sklearn.metrics

    found = {}
    for name, measure in of_task(task).items():
        function = getattr(sklearn.metrics, measure.function)
        if name == "log_loss":
            columns, labels = _with_all_classes(y, probabilities, classes)
            found[name] = function(y, columns, labels=labels)
        elif name == "balanced_accuracy":  # the mean recall over the classes that occur
            found[name] = function(y, prediction, average="macro", labels=np.unique(y), zero_division=0)
        else:
            found[name] = function(y, prediction)
    return {name: float(value) for name, value in found.items()}


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


def _with_all_classes(y: Any, probabilities: Any, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels for scikit-learn, which wants a column for every class that occurs, in sorted order."""
    import numpy as np

    labels = np.union1d(np.asarray(classes), np.unique(y))
    columns = np.zeros((len(probabilities), len(labels)))
    columns[:, np.searchsorted(labels, np.asarray(classes))] = probabilities
    return columns, labels
