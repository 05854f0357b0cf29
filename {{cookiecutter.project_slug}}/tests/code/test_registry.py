"""The registry: which bundle answers, and the way back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.card import CARD
from {{ cookiecutter.package_name }}.model.persistence import BundleError, SavedAs, file_of
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def saved_as(settings: Settings) -> SavedAs:
    """The form of this project's bundles."""
    return settings.model.saved_as


@pytest.fixture
def models(root: Path, tmp_path: Path) -> Path:
    """A copy of the registry, to change."""
    shutil.copytree(root / registry.FOLDER, tmp_path / "models")
    return tmp_path / "models"


def test_the_promoted_bundle_loads(models: Path, saved_as: SavedAs) -> None:
    """With the card that it was saved with."""
    promoted = registry.current(models)

    assert promoted is not None
    assert registry.load(models, saved_as=saved_as).card.version == promoted["version"]


def test_an_empty_registry_says_how_to_fill_it(tmp_path: Path) -> None:
    """The sentence holds the command."""
    with pytest.raises(BundleError, match="no model is promoted; train one with `make run`"):
        registry.load(tmp_path)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [_flip, _truncate, Path.unlink])
@pytest.mark.parametrize("file", ["pipeline", CARD])
def test_an_altered_bundle_is_refused(models: Path, saved_as: SavedAs, file: str, damage: Callable[[Path], None]) -> None:
    """A flipped byte, a truncated file and an absent one, in the model and in its card."""
    (folder,) = (path for path in models.iterdir() if path.is_dir())
    damage(folder / CARD if file == CARD else file_of(folder, file, saved_as))

    with pytest.raises(BundleError, match="absent or was altered"):
        registry.load(models, saved_as=saved_as)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"version": "x"}'])
def test_a_broken_pointer_promotes_nothing(models: Path, text: str) -> None:
    """The sentence tells what could be promoted."""
    (models / registry.CURRENT).write_text(text, encoding="utf-8")

    with pytest.raises(BundleError, match="no model is promoted; choose one with `models promote`: "):
        registry.load(models)


def test_rollback_goes_one_back(models: Path, saved_as: SavedAs) -> None:
    """To the version promoted before, and further back it says that there is none."""
    first = registry.load(models, saved_as=saved_as).card.version
    for later in ("second", "third"):
        shutil.copytree(models / first, models / later)
        card = models / later / CARD
        card.write_text(card.read_text(encoding="utf-8").replace(first, later), encoding="utf-8")
        registry.promote(models, later)

    assert registry.load(models, saved_as=saved_as).card.version == "third"
    assert registry.rollback(models, saved_as) == "second"
    assert registry.rollback(models, saved_as) == first
    assert registry.load(models, saved_as=saved_as).card.version == first
    with pytest.raises(BundleError, match="no earlier model"):
        registry.rollback(models)


@pytest.mark.parametrize("version", ["nothing", "../models/KNOWN", ""])
def test_an_unknown_version_is_one_sentence(models: Path, version: str) -> None:
    """It lists the known ones, and no path leads out of the registry."""
    (known,) = (path.name for path in models.iterdir() if path.is_dir())
    with pytest.raises(BundleError, match=r"there is no model .*; the finished ones are: "):
        registry.promote(models, version.replace("KNOWN", known))
