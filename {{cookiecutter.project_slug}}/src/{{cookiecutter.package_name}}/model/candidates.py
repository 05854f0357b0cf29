"""The models that are trained and compared, simplest first, over one encoded matrix.

The baselines are always among them: a model that does not beat them has no business in production.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import has_fit_parameter

from ..refusal import Refusal
from ..settings import Settings
from .baseline import dummy, rule
from .single import estimator, single

KINDS = ("single", "cascade")


class UnknownModel(Refusal):
    """A kind of model that this project does not have."""


def candidates(settings: Settings) -> dict[str, BaseEstimator]:
    """Unfitted estimators by name: "dummy", "rule", "linear", "single" and, if `model.kind` says so, "cascade".

    "linear" is left out where "single" is just that.

    Raises:
        UnknownModel: `model.kind` is none of the kinds, or one that this project was made without.
    """
    found = {"dummy": dummy(settings), "rule": rule(settings)}
    if settings.model.estimator != "linear":
        found["linear"] = estimator("linear", settings.data.task, settings)
    return found | {"single": single(settings), settings.model.kind: _model(settings)}


def fitted(
    model: BaseEstimator,
    Z: np.ndarray,
    y: np.ndarray,
    segment: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    times: np.ndarray | None = None,
) -> BaseEstimator:
    """The candidate, trained; the segment, the groups and the times reach those whose `fit` asks for them."""
    extra = {"segment": segment, "groups": groups, "times": times}
    return model.fit(Z, y, **{name: value for name, value in extra.items() if has_fit_parameter(model, name)})


def _model(settings: Settings) -> BaseEstimator:
    """What the file of the settings' kind builds."""
    kind = settings.model.kind
    if kind not in KINDS:
        raise UnknownModel(f"model.kind is {kind!r}, expected one of {', '.join(KINDS)}; change it in settings.toml")
    file = f"{__package__}.{kind}"
    try:
        module = import_module(file)
    except ModuleNotFoundError as error:
        if error.name != file:
            raise
        raise UnknownModel(
            f'model.kind is "{kind}", which this project was made without; '
            f'set model.kind = "single", or add it with `copier update --data model={kind}`'
        ) from None
    build = getattr(module, kind)
    return build(settings)
