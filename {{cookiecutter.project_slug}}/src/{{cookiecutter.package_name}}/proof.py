"""Proof: a bundle holds what its card lists, meets the libraries that fitted it, and answers its golden rows as it did."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .card import CARD, Card
from .digests import changed, fingerprint
from .model.persistence import MEND, BundleError
from .sections import Columns

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from .model.answers import Answerer

# What shapes an answer, with what the encoders' modules name. Python is not among them, for skops holds none of its code.
LIBRARIES = ("numpy", "scikit-learn", "scipy")
TOLERANCE = 1e-9


def libraries(pipeline: Pipeline) -> dict[str, str]:
    """The installed versions of what shapes an answer."""
    modules = {type(part).__module__ for part in (pipeline, *pipeline.get_params().values())}
    named = {name for module in modules for name in getattr(sys.modules.get(module), "LIBRARIES", ())}
    return {name: found for name in sorted({*LIBRARIES, *named}) if (found := _installed(name))}


def _installed(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def check_files(folder: Path, card: Card) -> None:
    """See that the folder holds what the card lists, and nothing else.

    Raises:
        BundleError: it holds a link or a stranger, or a file was altered.
    """
    found = sorted(folder.iterdir())
    for path in (folder, *found):
        if path.is_symlink():
            raise BundleError(f"model {card.version}: {path.name} is a link, which may lead anywhere; {MEND}")
    strangers = [path.name for path in found if path.name not in (CARD, *card.files)]
    if strangers:
        raise BundleError(f"model {card.version}: its card does not list {', '.join(strangers)}; take it out of {folder}")
    altered = changed(card.files, folder)
    if altered:
        raise BundleError(f"model {card.version}: {', '.join(altered)} is absent or was altered; {MEND}")


def check_libraries(card: Card) -> None:
    """See that the model meets the libraries that it was fitted with.

    Raises:
        BundleError: one is absent or of another version.
    """
    for name, was in card.libraries.items():
        found = _installed(name)
        if found is None:
            raise BundleError(f"model {card.version} needs {name} {was}; install it with `uv sync --all-extras`")
        if found != was:
            raise BundleError(
                f"model {card.version} was fitted with {name} {was} and this is {found}; "
                "install what uv.lock says with `make install`, or retrain with `make run`"
            )


def parts(pipeline: Pipeline) -> dict[str, str]:
    """The digest of what each part has learned: the encoder, and the model or, of a cascade, each of its models."""
    model = pipeline[-1]
    learned = model.parts() if hasattr(model, "parts") else {"model": model}
    return {name: fingerprint(part) for name, part in {"encoder": pipeline[0], **learned}.items()}


def whole(pipeline: Pipeline, card: Card) -> Pipeline:
    """The same pipeline, once its parts were seen to be those that were trained together, and the classes in their order.

    Raises:
        BundleError: one was exchanged.
    """
    found, mend = parts(pipeline), "what was trained together answers together; retrain with `make run`"
    other = [name for name in {**card.parts, **found} if card.parts.get(name) != found.get(name)]
    if other:
        raise BundleError(f"model {card.version}: its {', '.join(other)} is another one than its card says; {mend}")
    classes = tuple(map(str, pipeline.classes_)) if hasattr(pipeline, "classes_") else None
    if card.classes != classes:
        raise BundleError(f"model {card.version}: its classes are {classes}, its card's {card.classes}; {mend}")
    return pipeline


def prove(card: Card, ready: Callable[[], Answerer]) -> Answerer:
    """Answer the golden rows again, together and one by one, which is another way through the same pipeline.

    Raises:
        BundleError: it cannot, or answers otherwise than when it was saved.
    """
    try:
        answerer, rows = ready(), raw(card.golden_rows, card.columns)
        for again in (together(answerer, rows), one_by_one(answerer, rows)):
            told = zip(card.golden_words, card.golden_answers, again, strict=True)
            pairs = [(word, name, was, now[name]) for word, old, now in told for name, was in old.items()]
            for word, name, was, now in pairs:
                if not _same(was, now):
                    raise BundleError(
                        f"model {card.version} answers golden row {word!r} with {name} = {now!r}, when saved it was {was!r}; "
                        "retrain with `make run`"
                    )
    except BundleError:
        raise
    except Exception as error:  # a forged model may be anything
        mend = "retrain with `make run`"
        raise BundleError(f"model {card.version} cannot answer its golden rows: {error!r:.200}; {mend}") from error
    return answerer


def raw(rows: Sequence[dict[str, Any]], columns: Columns) -> pd.DataFrame:
    """What a model reads of rows of JSON values."""
    from .data.schema import conform, from_json_rows

    return conform(from_json_rows(rows, columns.image), columns.modalities())[list(columns.names)]


def together(answerer: Answerer, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The answers to a frame, as rows of JSON values."""
    found: list[dict[str, Any]] = json.loads(answerer.answers(rows).to_json(orient="records", double_precision=15))
    return found


def one_by_one(answerer: Answerer, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The same, each answered alone."""
    import pandas as pd

    records: list[Any] = rows.to_dict(orient="records")
    answers = pd.DataFrame([answerer.answer(row) for row in records])
    found: list[dict[str, Any]] = json.loads(answers.to_json(orient="records", double_precision=15))
    return found


def _same(was: Any, now: Any) -> bool:
    close = isinstance(was, float) and isinstance(now, float) and math.isclose(was, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return close or bool(was == now)
