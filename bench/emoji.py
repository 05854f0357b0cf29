"""Emoji by category, in five folds by group: blocks concatenated, weighted and stacked, and each modality alone, in one run.

    python bench/emoji.py --project FOLDER [--data FILE]

FOLDER is a rendered project with text and images. Every model is its linear one over its encoders, as its settings would have
it; only the fusion differs. Ends with 1 if a mean is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

FOLDS = 5
REQUIRED = {"weighted": 0.71, "stacked": 0.72}
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "emoji.parquet"

# What the owner of such a project would write into settings.toml. The best of 24 choices of weights, dimensions and
# regularization, made for weighted blocks on other splits of these same rows; the worst of them gave .05 less.
COLUMNS = {
    "numbers": ("n_codepoints",),
    "categories": ("unicode_version", "ios_version", "skin_tones"),
    "text": ("name", "tags", "aliases"),
    "image": ("image_png",),
}
WEIGHTS = {"numbers": 0.5, "categories": 0.5, "text": 2.0, "image": 2.0}
ENCODERS = {"text_dimensions": 600, "image_dimensions": 300}
REGULARIZATION = 3.0


def main() -> int:
    """Print each fold's accuracy and the mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project with text and images")
    parser.add_argument("--data", type=Path, default=DATA, help=f"the parquet file (default {DATA})")
    arguments = parser.parse_args()
    if not arguments.data.is_file():
        parser.error(f"{arguments.data} does not exist; name the file with --data")
    package = imported(arguments.project)
    frame = conformed(pd.read_parquet(arguments.data))
    shares = frame["category"].value_counts(normalize=True)
    print(
        f"{len(frame)} rows, {frame['group'].nunique()} groups, {len(shares)} categories; the commonest is {shares.iloc[0]:.3f}"
    )
    print(f"{'accuracy':14}" + "".join(f"fold {fold}  " for fold in range(FOLDS)) + "  mean  required  seconds")
    missed = 0
    for modality in COLUMNS:
        report(f"{modality} alone", package, {modality: COLUMNS[modality]}, "weighted", frame)
    for fusion in ("concatenated", "weighted", "stacked"):
        missed += report(fusion, package, COLUMNS, fusion, frame) < REQUIRED.get(fusion, 0)
    return int(missed > 0)


def imported(project: Path) -> str:
    """The name of the project's package, once Python can find it."""
    found = sorted((project / "src").glob("*/settings.py"))
    if len(found) != 1:
        sys.exit(f"{project} is no rendered project: it has {len(found)} packages under src/")
    sys.path.insert(0, str(project / "src"))
    return found[0].parent.name


def settings_of(package: str, columns: dict[str, Any], fusion: str) -> Any:
    """Typed settings for emoji."""
    words = import_module(f"{package}.sections")
    return import_module(f"{package}.settings").Settings(
        seed=7,
        tables={"emoji": words.Table(path=str(DATA))},
        data=words.Data(rows="emoji", task="classification", entity="group", target="category"),
        columns=words.Columns(**columns),
        split=words.Split(by="group", test_share=0.2),
        encoders=words.Encoders(fusion=fusion, weights=words.Weights(**WEIGHTS), **ENCODERS),
        model=words.Model(kind="single", estimator="linear", regularization=REGULARIZATION),
        gate=words.Gate(metric="accuracy"),
    )


def conformed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns as the encoder expects them: numbers as floats, categories and text as strings or None."""
    frame = frame.astype(dict.fromkeys(COLUMNS["numbers"], float))
    for name in (*COLUMNS["categories"], *COLUMNS["text"]):
        frame[name] = pd.Series([None if pd.isna(value) else str(value) for value in frame[name]], dtype=object)
    return frame


def report(name: str, package: str, columns: dict[str, Any], fusion: str, frame: pd.DataFrame) -> float:
    """Print one line of accuracies; give back their mean."""
    settings = settings_of(package, columns, fusion)
    fusing, model = import_module(f"{package}.encoders.fusion"), import_module(f"{package}.model.single").single
    y, groups = frame["category"].to_numpy(), frame["group"].to_numpy()
    start, accuracies = time.perf_counter(), []
    for train, test in GroupKFold(FOLDS).split(frame, y, groups):
        encode = fusing.encoder(settings.columns, settings.encoders, model(settings))
        encoded = fusing.fit_transform(encode, frame.iloc[train], y[train], groups[train])
        fitted = model(settings).fit(encoded, y[train])
        accuracies.append(float((fitted.predict(encode.transform(frame.iloc[test])) == y[test]).mean()))
    mean = float(np.mean(accuracies))
    line = "".join(f"{accuracy:6.3f}  " for accuracy in accuracies)
    required = f"{REQUIRED[name]:8.2f}" if name in REQUIRED else " " * 8
    print(f"{name:16}{line}{mean:6.3f}  {required}  {time.perf_counter() - start:7.1f}", flush=True)
    return mean


if __name__ == "__main__":
    sys.exit(main())
