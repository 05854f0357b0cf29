"""The registry: a bundle answers only once it has proved to be what was saved."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import digests, registry
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.registry import BundleError


@pytest.fixture
def models(root: Path, tmp_path: Path) -> Path:
    """A copy of the registry, to change."""
    shutil.copytree(root / registry.FOLDER, tmp_path / "models")
    return tmp_path / "models"


def test_the_promoted_bundle_loads(models: Path) -> None:
    """With the card that it was saved with."""
    promoted = registry.current(models)

    assert promoted is not None
    assert registry.load(models).card.version == promoted["version"]


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
@pytest.mark.parametrize("file", [registry.PIPELINE, registry.CARD])
def test_an_altered_bundle_is_refused(models: Path, file: str, damage: Callable[[Path], None]) -> None:
    """A flipped byte, a truncated file and an absent one, in the model and in its card."""
    version = registry.load(models).card.version
    damage(models / version / file)

    with pytest.raises(BundleError, match="absent or was altered"):
        registry.load(models)


def test_other_libraries_are_refused(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model answers with what it was fitted with; the sentence names both versions and what to type."""
    monkeypatch.setattr(digests, "version", lambda name: "9.9" if name == "scikit-learn" else version(name))

    with pytest.raises(BundleError, match=r"was fitted with scikit-learn .* and this is 9\.9; .* `make run`"):
        registry.load(models)


def test_a_model_that_answers_otherwise_is_refused(models: Path) -> None:
    """Every digest right, yet a golden row's answer differs: the sentence shows both."""
    card = models / registry.load(models).card.version / registry.CARD
    text = json.loads(card.read_text(encoding="utf-8"))
    text["golden_answers"][0]["prediction"] = "nothing of the kind"
    card.write_text(json.dumps(text), encoding="utf-8")
    promoted = registry.current(models)
    assert promoted is not None
    registry._write_current(models, promoted["version"], [])

    with pytest.raises(BundleError, match=r"golden row 0 with prediction = .*, when saved it was 'nothing of the kind'"):
        registry.load(models)


def test_a_type_that_is_not_listed_is_refused(models: Path, tmp_path: Path) -> None:
    """Nothing in a model file is executed: one that names a function to call is refused before anything is built."""
    from {{ cookiecutter.package_name }}.model.persistence import load

    source = models / registry.load(models).card.version / registry.PIPELINE
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(tmp_path / "evil.skops", "w") as new:
        schema = json.loads(old.read("schema.json"))
        schema |= {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": "system"}
        new.writestr("schema.json", json.dumps(schema))

    with pytest.raises(Refusal, match="not trusted"):
        load(tmp_path / "evil.skops")


def test_rollback_goes_one_back(models: Path) -> None:
    """To the version promoted before, and further back it says that there is none."""
    first = registry.load(models).card.version
    for later in ("second", "third"):
        shutil.copytree(models / first, models / later)
        card = models / later / registry.CARD
        card.write_text(card.read_text(encoding="utf-8").replace(first, later), encoding="utf-8")
        registry.promote(models, later)

    assert registry.load(models).card.version == "third"
    assert registry.rollback(models) == "second"
    assert registry.rollback(models) == first
    assert registry.load(models).card.version == first
    with pytest.raises(BundleError, match="no earlier model"):
        registry.rollback(models)


@pytest.mark.parametrize("version", ["nothing", "../models", ""])
def test_an_unknown_version_is_one_sentence(models: Path, version: str) -> None:
    """It lists the known ones, and no path leads out of the registry."""
    with pytest.raises(BundleError, match=r"there is no model .*; the finished ones are: "):
        registry.promote(models, version)
