"""Save and load fitted estimators with skops: nothing in the file is executed, and a type that is not listed is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from ..refusal import Refusal

ENCODER = "encoder.skops"
PACKAGE = __name__.split(".")[0]
OWN = (
    "encoders.fusion.Volume",
    "encoders.image.Pictures",
    "encoders.latent.Latent",
    "encoders.text.Documents",
    "model.baseline.OneRule",
    "model.cascade.Cascade",
)
# Of scikit-learn's types skops trusts all but trees: forged ones read outside their memory. These are trusted because a bundle
# is opened only once its digest was found right.
TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
TRUSTED = ["numpy.dtype", TREES, *(f"{PACKAGE}.{name}" for name in OWN)]


def save(estimator: Any, path: Path) -> None:
    """Write a fitted estimator, deflated: a seventh of the plain size."""
    skops.io.dump(estimator, path, compression=ZIP_DEFLATED)


def load(path: Path) -> Any:
    """Read a fitted estimator.

    Raises:
        Refusal: the file holds a type that is neither scikit-learn's nor this project's, or is no such file.
    """
    try:
        return skops.io.load(path, trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        raise Refusal(f"{path} holds types that are not trusted: {error}; if they are yours, list them in {__name__}") from None
