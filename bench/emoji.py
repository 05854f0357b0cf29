"""Emoji by category, split by group: the project's encoder and linear model against naive concatenation.

Usage: python bench/emoji.py --project FOLDER [--data FILE]

FOLDER is a rendered project with text and images; only its `settings.toml` values are changed. Both models see the same columns,
splits and estimator; they differ in what becomes of the blocks.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

SEEDS = 5
REQUIRED = 0.70
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "emoji.parquet"

# What an owner would write into settings.toml.
SETTINGS: dict[str, Any] = {
    "data": {"rows": "emoji", "task": "classification", "entity": "group", "target": "category"},
    "tables": {"emoji": {"path": str(DATA)}},
    "columns": {
        "numbers": ["n_codepoints"],
        "categories": ["unicode_version", "ios_version", "skin_tones"],
        "text": ["name", "tags", "aliases"],
        "image": ["image_png"],
    },
    "split": {"by": "group", "test_share": 0.2},
    "encoders": {
        "weights": {"numbers": 0.5, "categories": 0.5, "text": 2.0, "image": 1.0},
        "text_dimensions": 300,
        "image_dimensions": 300,
    },
    "model": {"kind": "single", "estimator": "linear", "regularization": 10.0},
}


def main() -> None:
    """Print each seed's accuracy and the mean, for both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project")
    parser.add_argument("--data", type=Path, default=DATA, help="emoji.parquet")
    arguments = parser.parse_args()
    if not arguments.data.is_file():
        sys.exit(f"{arguments.data} does not exist; name the file with --data")
    package = import_package(arguments.project)
    frame = conformed(pd.read_parquet(arguments.data))
    columns = SETTINGS["columns"]
    ours = import_settings(package, arguments.project)
    build = import_module(f"{package}.encoders.fusion").encoder
    single = import_module(f"{package}.model.single").single
    print(f"{'':22}" + "".join(f"seed {seed}  " for seed in range(SEEDS)) + "mean   s")
    naive = report("naive concatenation", lambda: make_pipeline(Naive(columns), LogisticRegression(max_iter=1000)), frame)
    weighted = report("weighted blocks", lambda: make_pipeline(build(ours.columns, ours.encoders), single(ours)), frame)
    print(f"gain {weighted - naive:+.3f}; required {REQUIRED:.2f}: {'reached' if weighted >= REQUIRED else 'MISSED'}")
    sys.exit(weighted < REQUIRED)


class Naive(BaseEstimator):
    """What one writes first: columns as they are, words counted, pixels flattened, all side by side."""
