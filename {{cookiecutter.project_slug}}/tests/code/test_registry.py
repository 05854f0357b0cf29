"""The registry: which bundle answers, and the way back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from filelock import FileLock

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.card import CARD, read_card
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


def test_the_model_that_answers_is_exported(models: Path, saved_as: SavedAs, tmp_path: Path) -> None:
    """As a registry of its own, in place of what was there, once it has proved itself."""
    (tmp_path / "release" / "older").mkdir(parents=True)
    version = registry.export(models, tmp_path / "release", saved_as)

    assert version == registry.load(tmp_path / "release", saved_as=saved_as).card.version
    assert {version, registry.CURRENT} == {path.name for path in (tmp_path / "release").iterdir()}
    _flip(file_of(models / version, "pipeline", saved_as))
    with pytest.raises(BundleError):
        registry.export(models, tmp_path / "release", saved_as)


def _more(models: Path, *names: str) -> str:
    """Other versions of the one bundle, each a second younger; the first one's name."""
    (first,) = (path.name for path in models.iterdir() if path.is_dir())
    for age, name in enumerate(names, start=1):
        shutil.copytree(models / first, models / name)
        card = models / name / CARD
        card.write_text(card.read_text(encoding="utf-8").replace(first, name), encoding="utf-8")
        os.utime(card, (card.stat().st_mtime + age,) * 2)
    return first


def test_old_bundles_go(models: Path) -> None:
    """All but the youngest few; the one that answers stays, however old, and the one before it, for the way back."""
    first = _more(models, *"bcdef")
    registry.promote(models, "c")

    assert ["b", "d"] == registry.prune(models, 2)
    assert [first, "c", "e", "f"] == [card.version for card in registry.cards(models)]
    assert [] == registry.prune(models, 2)
    assert first == registry.rollback(models)


def test_rollback_passes_over_what_is_gone(models: Path) -> None:
    """A version that somebody deleted is no way back; the one before it is."""
    first = _more(models, "second", "third")
    for version in ("second", "third"):
        registry.promote(models, version)
    shutil.rmtree(models / "second")

    assert first == registry.rollback(models)


def test_of_two_that_succeed_one_champion_the_second_is_refused(models: Path) -> None:
    """It was compared with a model that answers no more."""
    first = _more(models, "second", "third")
    registry.succeed(models, "second", first)

    with pytest.raises(BundleError, match="model second was promoted while model third was compared with"):
        registry.succeed(models, "third", first)
    assert "second" == registry.current_version(models)


def test_promotions_wait_for_each_other(models: Path) -> None:
    """Who comes second finds what the first has done, and nothing half-done."""
    first = _more(models, "second")
    with FileLock(models / ".lock"):
        waiting = Thread(target=registry.succeed, args=(models, "second", first))
        waiting.start()
        waiting.join(0.3)

        assert (True, first) == (waiting.is_alive(), registry.current_version(models))
    waiting.join(30)
    assert "second" == registry.current_version(models)


def test_two_versions_tell_in_what_they_differ(models: Path) -> None:
    """By the parts of their names, their settings and their scores."""
    first = _more(models, "second")
    one, other = (read_card(models / name) for name in (first, "second"))
    other = other.model_copy(update={"made_of": {**one.made_of, "data": "f" * 64}, "scores": dict.fromkeys(one.scores, 0.5)})
    told = {name: (was, now) for name, was, now in registry.differences(one, other)}

    assert {"interface": "the same", "logic": "the same", "data": "another", "split": "the same"} == {
        part: told[part][1] for part in one.made_of
    }
    assert all(told[name] == (f"{score:.3f}", "0.500") for name, score in one.scores.items())


def test_a_model_of_another_question_is_not_promoted(models: Path, settings: Settings) -> None:
    """By hand neither: its segments, or what it predicts, mean something else now."""
    card = read_card(models / str(registry.current_version(models)))
    registry.check(card, settings.data)

    for name in ("target", "segment", "entity"):
        with pytest.raises(BundleError, match=f"was trained with data.{name} = .*, and settings.toml says 'planet'"):
            registry.check(card, settings.data.model_copy(update={name: "planet"}))


@pytest.mark.parametrize("version", ["nothing", "../models/KNOWN", ""])
def test_an_unknown_version_is_one_sentence(models: Path, version: str) -> None:
    """It lists the known ones, and no path leads out of the registry."""
    (known,) = (path.name for path in models.iterdir() if path.is_dir())
    with pytest.raises(BundleError, match=r"there is no model .*; the finished ones are: "):
        registry.promote(models, version.replace("KNOWN", known))
