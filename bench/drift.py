"""How often monitoring cries wolf over rows that have not changed, and how often it sees those that have.

    python bench/drift.py --project FOLDER [--seeds N]

FOLDER is a rendered project with the default answers. Each seed draws users, from whose requests the project's own steps make a
model and its reference. Unshifted windows of 500 requests are drawn of other users of the same population ("new"), of the same
users ("returning"), and of a made-up population in which who asks often is like others who do ("uneven"). Then one thing is
shifted in windows of new users. Ends with 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance

ROWS, WINDOW, WINDOWS = 4000, 500, 100
MOST_FALSE, LEAST_FOUND = 0.05, 0.95
TRAINED = ("ingest", "validate", "materialize", "training_set", "test_set", "fit", "evaluate", "promote")


class Project:
    """The modules of a rendered project, and what was drawn with them."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(folder / "src"))
        self.package = next((folder / "src").glob("*/settings.py")).parent.name
        self.settings = self["settings"].read_settings(folder / "settings.toml")

    def __getitem__(self, module: str) -> Any:
        return import_module(f"{self.package}.{module}")

    def run(self, folder: Path, requests: pd.DataFrame, seed: int, last: str) -> None:
        """The project's steps on requests, up to one of them."""
        folder.mkdir()
        requests.to_parquet(folder / "requests.parquet", index=False)
        table = self["tables"].Table
        tables = self.settings.tables | {"requests": table(path="requests.parquet")}
        settings = self.settings.model_copy(update={"tables": tables, "seed": seed})
        steps = {step.name: step for step in self["pipeline.steps"].STEPS}
        for name in TRAINED[: TRAINED.index(last) + 1]:
            self["pipeline.runner"].run_step(steps[name], settings, folder)

    def drawn(self, rows: int, seed: int) -> pd.DataFrame:
        """Requests of a seed's users, in no order."""
        found: pd.DataFrame = self["data.demo"].table("requests", rows, seed, self.settings.columns)
        return found.sample(frac=1, random_state=seed, ignore_index=True)

    def windows(self, folder: Path, requests: pd.DataFrame, seed: int) -> list[pd.DataFrame]:
        """What the model reads of requests, with the features of their time, in windows."""
        self.run(folder, requests, seed, "test_set")
        sides = [folder / "artifacts" / side for side in ("training_set/train.parquet", "test_set/test.parquet")]
        rows = pd.concat([pd.read_parquet(side) for side in sides]).sample(frac=1, random_state=seed, ignore_index=True)
        columns = self.settings.columns
        rows = self["data.schema"].conform(rows, columns.modalities())[[self.settings.data.entity, *columns.names]]
        return [rows.iloc[start : start + WINDOW] for start in range(0, len(rows) - WINDOW + 1, WINDOW)]


def main() -> int:
    """Print the share of windows that alarm, for rows as they were and for each kind of shift."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a rendered project with the default answers")
    parser.add_argument("--seeds", type=int, default=5, help="how many references (default 5)")
    arguments = parser.parse_args()
    project = Project(arguments.project)
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        models, returning = [], []
        for seed in range(arguments.seeds):
            requests = project.drawn(ROWS + WINDOWS // arguments.seeds * WINDOW, seed)
            project.run(home / f"{seed}", requests.head(ROWS), seed, "promote")
            models.append(model(project, home / f"{seed}"))
            returning.append(project.windows(home / f"{seed}r", requests.iloc[ROWS:], seed))
        new = [
            window.assign(user_id=window["user_id"] + 1000 * seed)  # nobody whom a reference or another window knows
            for seed in range(1000, 1000 + WINDOWS)
            for window in project.windows(home / f"{seed}", project.drawn(WINDOW, seed), seed)
        ]
    print(f"{'unshifted':40}{'windows':>8}{'alarm':>8}   by what")
    kept += [unshifted("new users", [look(project, one, window) for one in models for window in new])]
    kept += [
        unshifted(
            "returning users",
            [look(project, one, window) for one, own in zip(models, returning, strict=True) for window in own],
        )
    ]
    kept += [unshifted("uneven users", uneven(project, arguments.seeds))]
    print(f"{'shifted':40}{'windows':>8}{'found':>8}{'others':>8}")
    for name, (column, shift) in SHIFTS.items():
        looks = [look(project, models[i % len(models)], window, shift, i) for i, window in enumerate(new)]
        kept += [shifted(name, column, looks)]
    print("every bound is kept" if all(kept) else "MISSED: see above")
    return int(not all(kept))


def model(project: Project, root: Path) -> tuple[Any, Any]:
    """The promoted model's answerer, and its reference."""
    models = root / project["registry"].FOLDER
    found = project["registry"].load(models)
    return found.answerer, project["bundle"].reference_of(models / found.card.version)


def look(
    project: Project,
    model: tuple[Any, Any],
    window: pd.DataFrame,
    shift: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame] | None = None,
    seed: int = 0,
) -> dict[str, str]:
    """The alarms that a window raises, each with its column."""
    answerer, reference = model
    rng = np.random.default_rng(seed)
    inputs = shift(window, rng) if shift else window
    answers = answerer.answers(inputs[list(reference.columns.names)])
    if shift is answered:
        answers.loc[rng.random(len(answers)) < ANSWERED, "prediction"] = answerer.model.classes_[0]
    findings = project["monitoring.drift"].drift(reference, inputs, answers, project.settings.monitoring)
    return {one.name: str(one.figures["column"]) for one in findings if one.alarm}


def unshifted(world: str, looks: list[dict[str, str]]) -> bool:
    """Print how many windows alarm without a reason."""
    share = np.mean([bool(alarms) for alarms in looks])
    causes = pd.Series([name for alarms in looks for name in alarms], dtype=object).value_counts()
    told = ", ".join(f"{name} {count}" for name, count in causes.items())
    print(f"{world:40}{len(looks):8}{share:8.1%}   {told}", flush=True)
    return bool(share <= MOST_FALSE)


def shifted(name: str, column: str, looks: list[dict[str, str]]) -> bool:
    """Print how many windows alarm because of the column that was shifted, and how many because of another input."""
    answers = ("prediction", "route")
    found = np.mean([column in alarms.values() for alarms in looks])
    others = np.mean([bool({*alarms.values()} - {column, *answers}) for alarms in looks])
    print(f"{name:40}{len(looks):8}{found:8.1%}{others:8.1%}", flush=True)
    return bool(found >= LEAST_FOUND)


def uneven(project: Project, seeds: int) -> list[dict[str, str]]:
    """A number that goes with how often its user asks: in a short window are those who ask often."""
    columns, looks = project["sections"].Columns(numbers=("number",)), []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        activity = rng.lognormal(0, 1, 2000)
        typical = np.log(activity) + rng.normal(0, 1, 2000)

        def rows(count: int, rng: Any = rng, activity: Any = activity, typical: Any = typical) -> pd.DataFrame:
            user = rng.choice(2000, count, p=activity / activity.sum())
            return pd.DataFrame({"user_id": user, "number": typical[user] + rng.normal(0, 0.3, count)})

        reference = project["reference"].Reference.learned(rows(ROWS), columns, "user_id")
        for _ in range(WINDOWS):
            window = rows(WINDOW)
            findings = project["monitoring.drift"].drift(
                reference, window, pd.DataFrame(index=window.index), project.settings.monitoring
            )
            looks.append({one.name: str(one.figures["column"]) for one in findings if one.alarm})
    return looks


def later(window: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The mean of `hour` half a standard deviation on, in whole hours."""
    moved = window["hour"] + window["hour"].std() / 2 + rng.uniform(-0.5, 0.5, len(window))
    return window.assign(hour=moved.round().clip(0, 23))


def watches(window: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A tenth of the rows from a device that nobody had."""
    return window.assign(device=window["device"].mask(rng.random(len(window)) < NEW, "watch"))


def foreign(window: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Every word of five letters and more is one that nobody has used."""
    return window.assign(note=window["note"].str.replace(r"\w{5,}", lambda word: word[0][::-1], regex=True))


def darker(window: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Pictures of four fifths of the brightness."""

    def dimmed(picture: bytes | None) -> bytes | None:
        if picture is None:
            return None
        file = io.BytesIO()
        ImageEnhance.Brightness(Image.open(io.BytesIO(picture)).convert("RGB")).enhance(1 - DARKER).save(file, "PNG")
        return file.getvalue()

    return window.assign(avatar=pd.Series([dimmed(picture) for picture in window["avatar"]], window.index, dtype=object))


def answered(window: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The rows as they are; the answers are changed after them."""
    return window


NEW, DARKER, ANSWERED = 0.1, 0.2, 0.3  # shares
SHIFTS = {
    "mean of hour by 0.5 sd": ("hour", later),
    "a new device in 10 % of the rows": ("device", watches),
    "other words in notes": ("note", foreign),
    "avatars 20 % darker": ("avatar", darker),
    "one class in 30 % of the answers more": ("prediction", answered),
}

if __name__ == "__main__":
    sys.exit(main())
