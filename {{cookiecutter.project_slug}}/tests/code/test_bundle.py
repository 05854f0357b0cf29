"""Bundles: what answers is what was saved, and proves it; whoever can write a folder still runs nothing."""

from __future__ import annotations

import gzip
import shutil
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from {{ cookiecutter.package_name }} import bundle, encoders, proof, registry
from {{ cookiecutter.package_name }}.bundle import Bundle
from {{ cookiecutter.package_name }}.card import CARD, Card, Origin, read_card, version_of
from {{ cookiecutter.package_name }}.data.schema import conform, from_json_rows
from {{ cookiecutter.package_name }}.digests import digest
from {{ cookiecutter.package_name }}.encoders import volume
from {{ cookiecutter.package_name }}.encoders.golden import TWICE, UNSEEN, golden_rows
from {{ cookiecutter.package_name }}.model.answers import Answerer
from {{ cookiecutter.package_name }}.model.persistence import BundleError, SavedAs, file_of, save
from {{ cookiecutter.package_name }}.reference import Reference
from {{ cookiecutter.package_name }}.sections import Columns
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def saved_as(settings: Settings) -> SavedAs:
    """The form of this project's bundles."""
    return settings.model.saved_as


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A copy of the promoted bundle, to change."""
    promoted = registry.current(root / registry.FOLDER)
    assert promoted is not None
    return Path(shutil.copytree(root / registry.FOLDER / promoted["version"], tmp_path / promoted["version"]))


def _sign(folder: Path, **changes: Any) -> None:
    """Write the card with other values, and digests that are right: as anybody could who can write the folder."""
    files = {path.name: digest(path) for path in folder.iterdir() if path.name != CARD}
    card = read_card(folder).model_copy(update={"files": files, **changes})
    (folder / CARD).write_text(card.model_dump_json(), encoding="utf-8")


def test_the_card_says_what_a_model_was_made_of(root: Path, folder: Path) -> None:
    """The training rows by their digest, the order of the classes, and a digest of the code."""
    card = read_card(folder)
    classes = pd.read_parquet(root / "artifacts" / "training_set" / "train.parquet")[card.data.target]

    assert digest(root / "artifacts" / "training_set" / "train.parquet") == card.training_data
    assert (None if card.data.task == "regression" else tuple(sorted(map(str, classes.unique())))) == card.classes
    assert 64 == len(card.code)


def test_a_whole_bundle_stays(folder: Path, saved_as: SavedAs) -> None:
    """Saved again, it is left alone, and written anew once a part of it is lost."""
    found = bundle.load(folder, saved_as)
    _sign(folder, code="of another day")
    _save(folder, found, saved_as)

    assert "of another day" == read_card(folder).code
    file_of(folder, "pipeline", saved_as).unlink()
    _save(folder, found, saved_as)
    assert found.card.code == bundle.load(folder, saved_as).card.code


@pytest.mark.parametrize("which", ["pipeline", CARD, "folder"])
def test_a_link_is_refused(folder: Path, tmp_path: Path, saved_as: SavedAs, which: str) -> None:
    """Though what it leads to is right."""
    paths = {"pipeline": file_of(folder, "pipeline", saved_as), CARD: folder / CARD, "folder": folder}
    paths[which].rename(tmp_path / "elsewhere")
    paths[which].symlink_to(tmp_path / "elsewhere")

    with pytest.raises(BundleError, match="is a link, which may lead anywhere"):
        bundle.load(folder, saved_as)


def test_a_file_that_the_card_does_not_list_is_refused(folder: Path, saved_as: SavedAs) -> None:
    """By its name."""
    (folder / "more.py").write_text("", encoding="utf-8")

    with pytest.raises(BundleError, match=r"its card does not list more\.py; take it out of"):
        bundle.load(folder, saved_as)


@pytest.mark.parametrize(
    ("forged", "sentence"),
    [("skops", "no model that can be read"), ("joblib", r'is pipeline\.joblib, and model\.saved_as = "skops" reads')],
)
def test_a_signed_pickle_executes_nothing(folder: Path, tmp_path: Path, forged: SavedAs, sentence: str) -> None:
    """Every digest is right; joblib is loaded by the word of the settings alone, never by that of a card."""
    marker = tmp_path / "marker"
    shutil.copyfile(folder / CARD, tmp_path / CARD)
    shutil.rmtree(folder)
    folder.mkdir()
    shutil.copyfile(tmp_path / CARD, folder / CARD)
    code = f"cos\nsystem\n(Vecho ran > {marker.as_posix()}\ntR.".encode()
    file_of(folder, "pipeline", forged).write_bytes(code if forged == "joblib" else gzip.compress(code))
    _sign(folder)

    with pytest.raises(BundleError, match=sentence):
        bundle.load(folder, "skops")
    assert not marker.exists()


def test_what_is_no_model_is_refused(folder: Path, saved_as: SavedAs) -> None:
    """A file of the right kind that holds something else."""
    save({"no": "model"}, file_of(folder, "pipeline", saved_as))
    _sign(folder)

    with pytest.raises(BundleError, match="cannot answer its golden rows"):
        bundle.load(folder, saved_as)


def test_the_version_tells_what_a_model_was_made_of(folder: Path) -> None:
    """Six characters for each of interface, logic, data and split: what changed between two models shows in their names."""
    card = read_card(folder)

    assert version_of(card.made_of) == card.version == folder.name
    assert [6] * 4 == [len(part) for part in card.version.split(".")]


def test_another_model_of_that_name_is_refused(folder: Path, saved_as: SavedAs) -> None:
    """A version says what it was made of, once and for all."""
    found = bundle.load(folder, saved_as)
    other = found.card.model_copy(update={"made_of": dict.fromkeys(found.card.made_of, "f" * 64)})

    with pytest.raises(BundleError, match="another model is called"):
        _save(folder, replace(found, card=other), saved_as)


def test_an_exchanged_part_is_named(folder: Path, saved_as: SavedAs) -> None:
    """A part that was trained by itself, however good, does not stand beside the others."""
    card = read_card(folder)
    assert {"encoder"} < {*card.parts}
    for part in card.parts:
        _sign(folder, parts={**card.parts, part: "f" * 64})

        with pytest.raises(BundleError, match=f"its {part} is another one than its card says"):
            bundle.load(folder, saved_as)


def test_classes_in_another_order_are_refused(folder: Path, saved_as: SavedAs) -> None:
    """The pipeline's and the card's are one; a regression has none."""
    card = read_card(folder)
    _sign(folder, classes=("no", "yes") if card.classes is None else card.classes[::-1])

    with pytest.raises(BundleError, match="its classes are"):
        bundle.load(folder, saved_as)


def test_joblib_says_what_it_risks(folder: Path, caplog: pytest.LogCaptureFixture, saved_as: SavedAs) -> None:
    """Where the settings choose it, on saving and on loading; the answers are the same."""
    found, other = bundle.load(folder, saved_as), folder.parent / "other"
    caplog.clear()
    _save(other, found, "joblib")
    again = bundle.load(other, "joblib")

    assert found.card.golden_answers == again.card.golden_answers
    assert 2 == caplog.text.count("executes what it loads")


def _golden(card: Card) -> pd.DataFrame:
    return from_json_rows(card.golden_rows, card.columns.image).set_axis(list(card.golden_words))


def _save(folder: Path, found: Bundle, saved_as: SavedAs) -> None:
    origin = Origin(**{name: getattr(found.card, name) for name in Origin.model_fields})
    golden, columns = _golden(found.card), origin.columns
    reference = Reference.learned(conform(golden, columns.modalities()), columns, origin.data.entity)
    bundle.save(folder, origin, found.pipeline, golden, reference, saved_as)


def test_other_libraries_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, saved_as: SavedAs) -> None:
    """A model answers with what it was fitted with; the sentence names both versions and what to type."""
    monkeypatch.setattr(proof, "version", lambda name: "9.9" if name == "scikit-learn" else version(name))

    with pytest.raises(BundleError, match=r"was fitted with scikit-learn .* and this is 9\.9; .* `make run`"):
        bundle.load(folder, saved_as)


def test_an_absent_library_is_refused(folder: Path, saved_as: SavedAs) -> None:
    """With the command that installs it."""
    _sign(folder, libraries={"no-such-library": "1.0"})

    with pytest.raises(BundleError, match=r"needs no-such-library 1\.0; install it with `uv sync --all-extras`"):
        bundle.load(folder, saved_as)


def test_a_model_names_the_libraries_that_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that its encoders' modules name, however deep, and no others."""
    pipeline = make_pipeline(make_pipeline(volume.Volume()))
    monkeypatch.setattr(volume, "LIBRARIES", ("pytest", "no-such-library"), raising=False)

    assert {"numpy", "pytest", "scikit-learn", "scipy"} == proof.libraries(pipeline).keys()


def test_a_model_that_answers_otherwise_is_refused(folder: Path, saved_as: SavedAs) -> None:
    """Every digest right, yet a golden row's answer differs: the sentence shows both."""
    first, second, *others = read_card(folder).golden_answers
    _sign(folder, golden_answers=(first, second | {"prediction": "else"}, *others))

    with pytest.raises(BundleError, match=r"golden row '1 of training' with prediction = .*, when saved it was 'else'"):
        bundle.load(folder, saved_as)


def test_a_model_that_answers_otherwise_one_by_one_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, saved_as: SavedAs
) -> None:
    """A row alone goes through the same pipeline on another way, which is proved as well."""
    answer = Answerer.answer
    monkeypatch.setattr(Answerer, "answer", lambda *given: answer(*given) | {"missing": "else"})

    with pytest.raises(BundleError, match=r"golden row '0 of training' with missing = 'else', when saved it was "):
        bundle.load(folder, saved_as)


def test_golden_rows_hold_what_is_rare() -> None:
    """Nulls, an unseen category, an hour that clocks show twice and an empty text, beside the first training rows."""
    columns = Columns(numbers=("hour",), categories=("device",), dates=("at",), text=("note",))
    at = pd.Timestamp("2026-05-01T12:00:00Z")
    raw = pd.DataFrame({"hour": [1.0] * 9, "device": "tv", "at": at, "note": "Hi"})

    golden = golden_rows(raw, pd.Series(range(9), name="user"), columns)

    whole = [1.0, "tv", at, "Hi"]
    assert {
        "0 of training": [*whole, 0],
        "1 of training": [*whole, 1],
        "2 of training": [*whole, 2],
        "with nothing but its key": [None, None, None, None, 0],
        "with unseen categories": [1.0, UNSEEN, at, "Hi", 0],
        "in an hour that clocks show twice": [1.0, "tv", TWICE, "Hi", 0],
        "with empty text": [1.0, "tv", at, "", 0],
    } == dict(zip(golden.index, golden.to_numpy(dtype=object).tolist(), strict=True))


def test_golden_rows_hold_the_smallest_and_the_largest_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """By pixels, not by bytes."""
    small, middle, large = b"\x01 of many bytes", b"\x02", b"\x03 of some"
    monkeypatch.setitem(sys.modules, f"{encoders.__name__}.image", SimpleNamespace(area=lambda picture: picture[0]))
    raw = pd.DataFrame({"avatar": [None, middle, large, small, middle]}, dtype=object)

    golden = golden_rows(raw, pd.Series(range(5), name="user"), Columns(image=("avatar",)))["avatar"]

    assert [small, large] == [golden["with the smallest avatar"], golden["with the largest avatar"]]
