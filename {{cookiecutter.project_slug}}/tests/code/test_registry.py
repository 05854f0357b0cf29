"""The registry: which bundle answers, and the way back."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from filelock import FileLock

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.bundle import Bundle
from {{ cookiecutter.package_name }}.card import CARD, read_card
from {{ cookiecutter.package_name }}.cli import main
from {{ cookiecutter.package_name }}.differences import differences
from {{ cookiecutter.package_name }}.documents import model_card
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


def answering(models: Path, saved_as: SavedAs) -> Callable[[str], Bundle]:
    """Whatever proves itself may answer."""
    return lambda version: registry.load(models, version, saved_as)


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
    assert registry.rollback(models, answering(models, saved_as))[0] == "second"
    assert registry.rollback(models, answering(models, saved_as))[0] == first
    assert registry.load(models, saved_as=saved_as).card.version == first
    with pytest.raises(BundleError, match="no earlier model"):
        registry.rollback(models, answering(models, saved_as))


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


def test_old_bundles_go(models: Path, saved_as: SavedAs) -> None:
    """All but the youngest few; the one that answers stays, however old, and the one before it, for the way back."""
    first = _more(models, *"bcdef")
    registry.promote(models, "c")

    assert ["b", "d"] == registry.prune(models, 2)
    assert [first, "c", "e", "f"] == [card.version for card in registry.cards(models)]
    assert [] == registry.prune(models, 2)
    assert first == registry.rollback(models, answering(models, saved_as))[0]


def test_rollback_passes_over_what_is_gone(models: Path, saved_as: SavedAs) -> None:
    """A version that somebody deleted is no way back; the one before it is."""
    first = _more(models, "second", "third")
    for version in ("second", "third"):
        registry.promote(models, version)
    shutil.rmtree(models / "second")

    passed = {"second": "there is no model 'second'"}
    assert (first, passed) == registry.rollback(models, answering(models, saved_as))


@pytest.fixture
def project(root: Path, models: Path) -> Path:
    """A project with a registry to change: promoted were the model, one for another target, one of other views, and a last."""
    first = _more(models, "of-else", "of-views", "last")
    _recard(models, "of-else", data={"target": "else"})
    _recard(models, "of-views", views="others")
    for version in (first, "of-else", "of-views", "last"):
        registry.promote(models, version)
    for path in root.iterdir():
        if path.name != registry.FOLDER:
            (models.parent / path.name).symlink_to(path)
    return models.parent


def _recard(models: Path, version: str, data: dict[str, Any] | None = None, **changes: Any) -> None:
    card = read_card(models / version)
    changed = card.model_copy(update={"data": card.data.model_copy(update=data or {}), **changes})
    (models / version / CARD).write_text(changed.model_dump_json(), encoding="utf-8")


def typed(project: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """A command in a project; its exit code, or what it refused."""
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["next-pick", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


def test_rollback_leads_to_a_model_that_promote_would_take(
    project: Path, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Models for another target or of other views are passed over, by name and with the reason; then there is none left."""
    (first,) = {path.name for path in models.glob("*/")} - {"of-else", "of-views", "last"}
    assert not typed(project, monkeypatch, "models", "list")
    listed = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert not typed(project, monkeypatch, "models", "rollback")
    said = capsys.readouterr().out.splitlines()

    assert {("<", first), ("*", "last")} == {tuple(words) for words in listed if words[0] in "<*"}
    assert "model of-views is passed over: features.py has changed since model of-views was trained" == said[0]
    assert said[1].startswith("model of-else is passed over: was trained with data.target = 'else'")
    assert ["model last answers no more", f"model {first} answers now"] == said[2:]
    assert str(typed(project, monkeypatch, "models", "rollback")).startswith("error: no earlier model was promoted")


def test_rollback_is_refused_where_no_model_may_answer(project: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence, and nothing is changed."""
    (first,) = {path.name for path in models.glob("*/")} - {"of-else", "of-views", "last"}
    _recard(models, first, data={"segment": "planet"})
    before = (models / registry.CURRENT).read_bytes()
    refused = str(typed(project, monkeypatch, "models", "rollback"))

    assert refused.startswith("error: no earlier model may answer, and nothing was changed: ")
    assert all(why in refused for why in ("features.py has changed", "data.target = 'else'", "data.segment = 'planet'"))
    assert before == (models / registry.CURRENT).read_bytes()


@pytest.mark.parametrize(("version", "why"), [("of-else", "data.target = 'else'"), ("of-views", "features.py has changed")])
def test_a_model_that_does_not_fit_answers_nobody(
    project: Path, models: Path, monkeypatch: pytest.MonkeyPatch, version: str, why: str
) -> None:
    """Neither promote lets it, nor does a command answer by it, however it came to be promoted; the monitor has an alarm."""
    assert why in str(typed(project, monkeypatch, "models", "promote", version))
    registry.promote(models, version)
    rows = project / "artifacts" / "ingest"
    for words in (["predict"], ["score", str(next(rows.glob("*.parquet"))), "out.csv"]):
        assert why in str(typed(project, monkeypatch, *words))
    assert 3 == typed(project, monkeypatch, "monitor")


def test_the_beginning_of_a_version_names_it(models: Path) -> None:
    """While no other one has it; the whole of one is never taken for the beginning of another."""
    _more(models, "abc", "abcd", "xyz")

    assert ["xyz", "abc", "abcd"] == [registry.named(models, text) for text in ("x", "abc", "abcd")]
    with pytest.raises(BundleError, match="'ab' begins 2 versions, abc, abcd; type more of the one that is meant"):
        registry.named(models, "ab")
    with pytest.raises(BundleError, match="there is no model ''"):
        registry.named(models, "")


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
    told = {name: (was, now) for name, was, now in differences(one, other)}

    assert {"interface": "the same", "logic": "the same", "data": "another", "split": "the same"} == {
        part: told[part][1] for part in one.made_of
    }
    assert all(told[name] == (f"{score:.3f}", "0.500") for name, score in one.scores.items())


def test_two_cards_tell_which_settings_differ(models: Path) -> None:
    """Both values; of lists what the one alone has; a card of before that keeps none is read, and says so."""
    first = _more(models, "second")
    card = read_card(models / first)
    assert card.settings is not None
    logic = {"made_of": {**card.made_of, "logic": "f" * 64}, "code": "e" * 64}
    kinds = {**card.settings, "seed": 99, "encoders": {**card.settings["encoders"], "text": ["one", "two"]}}
    text = card.model_copy(update={"settings": {**card.settings, "encoders": {"text": ["one", "three"]}}})
    told = {name: (was, now) for name, was, now in differences(text, card.model_copy(update={**logic, "settings": kinds}))}

    assert (("-three", "+two"), (str(card.settings["seed"]), "99")) == (told["encoders.text"], told["seed"])
    assert ("code", card.code[:12], "e" * 12) in differences(card, card.model_copy(update=logic))
    old = json.loads((models / "second" / CARD).read_text(encoding="utf-8"))
    del old["settings"]
    (models / "second" / CARD).write_text(json.dumps(old), encoding="utf-8")
    older = read_card(models / "second")
    assert ("settings", "not on its card", "on its card") in differences(older, card.model_copy(update=logic))
    assert "How it was made" not in model_card(older, True)
    assert f"| seed | {card.settings['seed']} |" in model_card(card, True)


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
