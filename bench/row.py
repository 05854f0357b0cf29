"""What one row costs, and a thousand, against scikit-learn's own way through the same fitted pipeline, in one run.

    python bench/row.py --project FOLDER

FOLDER is a rendered project with the default settings that has run (`make run`). Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from emoji import imported
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

ROUNDS = 300


def main() -> int:
    """Print each measure against its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project that has run")
    project = parser.parse_args().project.resolve()
    package = imported(project)
    os.chdir(project)
    bundle = import_module(f"{package}.registry").load(project / "models")
    schema = import_module(f"{package}.data.schema")
    pandas = import_module("pandas")
    names, answerer = list(bundle.card.columns.names), bundle.answerer
    frame = pandas.read_parquet(project / "artifacts" / "test_set" / "test.parquet")
    frame = schema.conform(frame, bundle.card.columns.modalities())[names]
    one, thousand = frame.iloc[[0]], pandas.concat([frame] * 5, ignore_index=True).head(1000)
    row = one.to_dict(orient="records")[0]
    pipeline, model = bundle.pipeline, bundle.pipeline[-1]
    flat = make_pipeline(flattened(pipeline[0], thousand), model)

    differ = max(
        float(np.abs(model.predict_proba(answerer.encode_row(row)[None]) - pipeline.predict_proba(frame.iloc[[place]])).max())
        for place, row in enumerate(frame.head(200).to_dict(orient="records"))
    )
    encoded = p50(lambda: model.predict(answerer.encode_row(row)[None]), lambda: pipeline.predict(one))
    answered = p50(lambda: answerer.answer(row), lambda: pipeline.predict(one))
    many = p50(lambda: pipeline.predict(thousand), lambda: flat.predict(thousand), 31)
    kept = [
        line("one row, of pipeline.predict's time", *encoded, 1 / 3),
        line("one whole answer, of pipeline.predict's", *answered, 1 / 2),
        line("1,000 rows, of a flat pipeline's time", *many, 1.05),
    ]
    print(f"{'greatest difference of 200 rows, one by one':45}{differ:9.1e}  at most 1e-09")
    return int(not all(kept) or differ > 1e-9)


def flattened(encode: Any, rows: Any) -> ColumnTransformer:
    """The same encoders as scikit-learn's users would put them side by side: no blocks, no weights."""
    kinds = [
        (f"{modality} {kind}", pipeline, names)
        for modality, block, _ in encode.transformers_
        for kind, pipeline, names in block[0].transformers_
    ]
    made = ColumnTransformer(kinds, sparse_threshold=0)
    made.fit(rows)
    made.transformers_ = kinds
    return made


def p50(ours: Callable[[], object], plain: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """The middle of the seconds that each takes, in turns: what else the machine does then meets both."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for measured, spent in zip((ours, plain), seconds, strict=True):
            start = time.perf_counter()
            measured()
            spent.append(time.perf_counter() - start)
    return sorted(seconds[0])[rounds // 2], sorted(seconds[1])[rounds // 2]


def line(what: str, ours: float, plain: float, bound: float) -> bool:
    """Print a measure and whether it keeps its bound."""
    kept = ours / plain <= bound
    verdict = "kept" if kept else "MISSED"
    print(
        f"{what:45}{ours / plain:9.2f}  at most {bound:.2f}  {verdict}  ({ours * 1e3:.2f} ms / {plain * 1e3:.2f} ms)",
        flush=True,
    )
    return kept


if __name__ == "__main__":
    sys.exit(main())
