"""The reference: what a bundle keeps of the rows that its model was trained on, and of its answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import bundle, reference, registry
from {{ cookiecutter.package_name }}.card import CARD, read_card
from {{ cookiecutter.package_name }}.digests import digest
from {{ cookiecutter.package_name }}.model.persistence import BundleError, file_of
from {{ cookiecutter.package_name }}.reference import COUNT, FILES, ROWS, WORDS, Reference, one_of_each
from {{ cookiecutter.package_name }}.sections import Columns
from {{ cookiecutter.package_name }}.settings import Settings

MONDAY = pd.Timestamp("2026-01-05T22:00:00Z")


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A copy of the promoted bundle, to change."""
    version = str(registry.current_version(root / registry.FOLDER))
    return Path(shutil.copytree(root / registry.FOLDER / version, tmp_path / version))


def signed(folder: Path, *left_out: str) -> None:
    """Give the card the digests that are right now, as anybody could who can write the folder."""
    files = {path.name: digest(path) for path in folder.iterdir() if path.name not in (CARD, *left_out)}
    text = read_card(folder).model_copy(update={"files": files}).model_dump_json()
    (folder / CARD).write_text(text, encoding="utf-8")


def test_a_value_is_kept_as_a_few_numbers() -> None:
    """A number and a label as they are, of a moment the hour and the day of the week, and whether it was missing."""
    columns = Columns(numbers=("price",), categories=("device",), dates=("at",))
    rows = pd.DataFrame({"who": [1, 2], "price": [2.5, None], "device": ["tv", None], "at": [MONDAY, pd.NaT]})
    told = Reference.learned(rows, columns, "who").describe(rows)

    expected = {
        "distribution:price": [2.5, None],
        "missing:price": [False, True],
        "distribution:device": ["tv", None],
        "missing:device": [False, True],
        "hour:at": [22.0, None],
        "weekday:at": ["Monday", None],
        "missing:at": [False, True],
    }
    assert expected == {name: told[name].astype(object).where(told[name].notna(), None).tolist() for name in told}


def test_the_newest_row_of_an_entity_is_kept() -> None:
    """What a model has learned last is what it expects, in rows and in answers; in which order they stand is nothing to it."""
    rows = pd.DataFrame({"who": ["Ada", "Ben", "Ada", "Ben"], "price": [1.0, 4.0, 2.0, 3.0]})
    times = pd.Series(pd.to_datetime(["2026-01-05", "2026-03-05", "2026-02-05", "2026-01-05"], utc=True))
    kept = Reference.learned(rows, Columns(numbers=("price",)), "who", times)
    answers = kept.with_answers(pd.DataFrame({"prediction": [1.0, 4.0, 2.0, 3.0]}), rows["who"], times).answers

    assert [2.0, 4.0] == sorted(kept.rows["distribution:price"]) == sorted(answers["prediction"])


def test_an_entity_has_one_row_and_no_name() -> None:
    """However often it asked; how often, is known, and who it was is not."""
    rows = pd.DataFrame({"who": ["Ada", "Ada", "Ada", "Ben"], "price": [1.0, 1.0, 1.0, 2.0]})
    kept = Reference.learned(rows, Columns(numbers=("price",)), "who").rows

    assert {1.0: 3, 2.0: 1} == dict(zip(kept["distribution:price"], kept[COUNT], strict=True))
    assert "who" not in kept


def test_the_row_of_an_entity_is_drawn() -> None:
    """Not the first one, which would be that of the morning."""
    entities = pd.Series([*range(200), *range(200)])
    counts = one_of_each(entities, 1000)

    assert [2] * 200 == counts.tolist()
    assert 80 <= (counts.index < 200).sum() <= 120


def test_a_large_reference_is_of_rows_not_of_entities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is not room for all, those that ask often are in it as they are in a window."""
    monkeypatch.setattr(reference, "MOST_ROWS", 100)
    rows = pd.DataFrame({"who": [*range(1000), *list(range(1000, 1100)) * 30], "often": [0.0] * 1000 + [1.0] * 3000})
    kept = Reference.learned(rows, Columns(numbers=("often",)), "who").rows

    assert 100 == len(kept)
    assert 50 <= kept["distribution:often"].sum()


def test_what_was_learned_is_what_is_loaded(root: Path, settings: Settings, tmp_path: Path) -> None:
    """Every number and label, the answers and the words."""
    home = root / "artifacts"
    name = settings.model.kind
    answers, rows = (pd.read_parquet(home / "evaluate" / part) for part in (f"answers/{name}.parquet", "rows.parquet"))
    whole = Reference.load(home / "fit").with_answers(answers, rows["entity"])
    whole.save(tmp_path)
    again = Reference.load(tmp_path)

    assert (whole.entity, whole.columns, dict(whole.words)) == (again.entity, again.columns, dict(again.words))
    pd.testing.assert_frame_equal(whole.rows, again.rows)
    pd.testing.assert_frame_equal(whole.answers, again.answers)


def test_a_bundle_keeps_rows_of_training_and_answers_to_others(root: Path, folder: Path, settings: Settings) -> None:
    """A row of each entity that the model was trained on; its answers are those to the test rows."""
    kept, home = bundle.reference_of(folder), root / "artifacts"
    train = pd.read_parquet(home / "training_set" / "train.parquet")[settings.data.entity]
    rows = pd.read_parquet(home / "evaluate" / "rows.parquet")
    test = rows["entity"]
    answers = pd.read_parquet(home / "evaluate" / "answers" / f"{read_card(folder).candidate}.parquet")
    said = answers["prediction"].iloc[one_of_each(test, len(test), rows.get("time")).index]

    assert (train.nunique(), test.nunique()) == (len(kept.rows), len(kept.answers))
    assert (len(train), len(test)) == (kept.rows[COUNT].sum(), kept.answers[COUNT].sum())
    assert said.astype(kept.answers["prediction"].dtype).tolist() == kept.answers["prediction"].tolist()


@pytest.mark.parametrize("name", FILES)
def test_an_altered_reference_is_refused(folder: Path, settings: Settings, name: str) -> None:
    """By whoever serves as well, though only its digest is asked for."""
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    with pytest.raises(BundleError, match=f"{name} is absent or was altered"):
        bundle.load(folder, settings.model.saved_as)
    with pytest.raises(BundleError, match=f"{name} is absent or was altered"):
        bundle.reference_of(folder)


@pytest.mark.parametrize("name", [ROWS, WORDS])
def test_serving_does_not_read_it(folder: Path, settings: Settings, name: str) -> None:
    """What holds nonsense under a right digest is no matter to it; whoever reads it is told so."""
    (folder / name).write_text("nonsense", encoding="utf-8")
    signed(folder)

    assert folder.name == bundle.load(folder, settings.model.saved_as).card.version
    with pytest.raises(BundleError, match=r"the reference of model .* cannot be read; retrain with `make run`"):
        bundle.reference_of(folder)


def test_an_older_bundle_has_none(folder: Path, settings: Settings) -> None:
    """It answers as before, and says what to do for a reference."""
    for name in FILES:
        (folder / name).unlink()
    signed(folder)
    saved_as = settings.model.saved_as

    assert [file_of(folder, "pipeline", saved_as).name] == [*bundle.load(folder, saved_as).card.files]
    with pytest.raises(BundleError, match=r"keeps no reference, for it is older than that; retrain with `make run`"):
        bundle.reference_of(folder)
