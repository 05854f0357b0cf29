"""Save and load fitted estimators: as skops, from which nothing is executed and no type built that is not listed, or as joblib.

Whoever can write a file can write its digest too, so a skops file is searched before anything is read from it.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any, Literal
from zipfile import ZIP_STORED, ZipFile

from ..refusal import Refusal

SavedAs = Literal["skops", "joblib"]
SUFFIXES = {"skops": ".skops.gz", "joblib": ".joblib"}
PACKAGE = __name__.split(".")[0]
OWN = (
    "encoders.dates.Moments",
    "encoders.frozen_image.FrozenImage",
    "encoders.frozen_text.FrozenText",
    "encoders.hashed.Hashed",
    "encoders.image.Pictures",
    "encoders.latent.Latent",
    "encoders.opinion.Opinion",
    "encoders.sentiment.Sentiment",
    "encoders.text.Documents",
    "encoders.text.Words",
    "encoders.volume.Volume",
    "model.baseline.OneRule",
    "model.cascade.Cascade",
)
# Of scikit-learn's types skops trusts all but trees and splines: forged ones read outside their memory. These are trusted
# because a bundle is opened only once its digest was found right.
TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
SPLINES = ("scipy.interpolate._bsplines.BSpline", "scipy._lib.array_api_compat.numpy._aliases.asarray")
FOLDS = "sklearn.model_selection._split.GroupKFold"  # of the target encoder
TRUSTED = ["numpy.dtype", TREES, *SPLINES, FOLDS, *(f"{PACKAGE}.{name}" for name in OWN)]
# What skops may build: data, and functions of numpy and scipy. Its holes of 2025 were methods and operators (CVE-2025-54412,
# -54413); a sparse matrix would be an archive within the archive, which nobody has searched.
KINDS = {"Bytes", "DType", "Dict", "Function", "Json", "List", "Loss", "NdArray", "Object", "RandomGenerator", "RandomState"}
KINDS |= {"Set", "Slice", "Tuple", "Type"}
MEMBER = re.compile(r"[\w-]+\.(json|npy|bin)")
MOST = 100  # times its size that a file may unpack to: trees reach 6, categories 40, a bomb 1,000
SMALL = 2**26  # bytes that any file may unpack to
MEND = "restore it or retrain with `make run`"


class BundleError(Refusal):
    """A model that must not answer."""


def file_of(folder: Path, name: str, saved_as: SavedAs) -> Path:
    """Where an estimator lies. Its ending decides how it is read: ask for the one of the settings, never for one found."""
    return folder / f"{name}{SUFFIXES[saved_as]}"


def save(estimator: Any, path: Path) -> None:
    """Write a fitted estimator, deflated as a whole: 300 trees take 1.1 times what joblib does, member by member 1.4 times.

    Raises:
        BundleError: skops cannot hold it.
    """
    if path.suffix == ".joblib":
        import joblib

        joblib.dump(estimator, path, compress=3)
        return
    import skops.io
    from skops.io.exceptions import UnsupportedTypeException

    try:
        path.write_bytes(gzip.compress(skops.io.dumps(estimator), 6, mtime=0))
    except UnsupportedTypeException as error:
        raise BundleError(
            f"skops cannot save {type(estimator).__name__}: {error}; choose another estimator, "
            'or set model.saved_as = "joblib" in settings.toml, whose files execute what they hold'
        ) from error


def load(path: Path) -> Any:
    """Read a fitted estimator.

    Raises:
        BundleError: the file is broken, or holds what is neither scikit-learn's nor this project's.
    """
    try:
        return _joblib(path) if path.suffix == ".joblib" else _skops(path)
    except BundleError as error:
        raise BundleError(f"{path} {error}") from None
    except Exception as error:  # broken bytes raise whatever zlib, zipfile, json, numpy and skops have
        raise BundleError(f"{path} is no model that can be read: {error!r:.200}; {MEND}") from error


def _joblib(path: Path) -> Any:
    import joblib

    return joblib.load(path)


def _skops(path: Path) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    packed = path.read_bytes()
    most = max(SMALL, MOST * len(packed))
    stream = zlib.decompressobj(wbits=31)  # gzip's
    content = stream.decompress(packed, most)
    if stream.unconsumed_tail:
        raise BundleError(f"unpacks to more than {most:,} bytes, as a bomb does; {MEND}")
    if not stream.eof:
        raise EOFError("its end is missing")
    _search(content)
    try:
        return skops.io.load(_Rationed(content), trusted=TRUSTED)
    except UntrustedTypesFoundException as error:
        names = str(error).partition("[")[2].partition("]")[0]
        raise BundleError(f"holds types that are not trusted: {names}; if they are yours, list them in {__name__}") from None


def _search(content: bytes) -> None:
    """Refuse what skops does not write, or does not look into before it builds it."""
    kinds: set[str | None] = set()
    with ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            if not MEMBER.fullmatch(member.orig_filename):
                raise BundleError(f"has a member named {member.orig_filename!r:.80}, as no model has; {MEND}")
            if member.compress_type != ZIP_STORED:
                raise BundleError(f"has a member that is packed once more, as no model has; {MEND}")
        json.loads(archive.read("schema.json"), object_hook=lambda node: kinds.add(node.get("__loader__")))
    other = kinds - {f"{kind}Node" for kind in KINDS} - {None}
    if other:
        raise BundleError(f"has parts of the kind {', '.join(map(str, other))}; if they are yours, list them in {__name__}")


class _Rationed(io.BytesIO):
    """Bytes that are read twice over at most: a forged archive names one member a million times."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.left = 2 * len(content)

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.left -= len(found)
        if self.left < 0:
            raise BundleError(f"asks for its members again and again, as a bomb does; {MEND}")
        return found
