"""From the test rows to the model that answers: compared with the one before, on rows that neither has seen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import registry
from {{ cookiecutter.package_name }}.card import CARD, read_card
from {{ cookiecutter.package_name }}.pipeline import evaluate, promote, summary, training_set
from {{ cookiecutter.package_name }}.pipeline.runner import run_step
from {{ cookiecutter.package_name }}.pipeline.steps import STEPS, needed
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.sections import Limits
from {{ cookiecutter.package_name }}.settings import Settings

BY_NAME = {step.name: step for step in STEPS}


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the run project, to change."""
    return Path(shutil.copytree(root, tmp_path / "project", symlinks=True))


def again(copy: Path, settings: Settings, **rules: Any) -> dict[str, Any]:
    """Evaluate and promote once more, with other rules; what was decided."""
    own = settings.model_copy(update={"gate": settings.gate.model_copy(update=rules)})
    for name in ("evaluate", "promote"):
        run_step(BY_NAME[name], own, copy, force=True)
    decision: dict[str, Any] = json.loads((copy / "artifacts" / "promote" / "decision.json").read_text(encoding="utf-8"))
    return decision


def recarded(copy: Path, **changes: Any) -> str:
    """The promoted model with another card, and promoted again with it."""
    models = copy / registry.FOLDER
    version = registry.current_version(models)
    assert version is not None
    card = read_card(models / version)
    data = card.data.model_copy(update=changes.pop("data", {}))
    split = card.split.model_copy(update=changes.pop("split", {}))
    text = card.model_copy(update={"data": data, "split": split, **changes}).model_dump_json()
    (models / version / CARD).write_text(text, encoding="utf-8")
    registry.promote(models, version)
    return version


def test_a_model_that_answers_already_goes_on(copy: Path, settings: Settings) -> None:
    """It is no better than itself; nothing is promoted, and nothing added to the way back."""
    before = registry.current(copy / registry.FOLDER)
    decision = again(copy, settings)

    assert before == registry.current(copy / registry.FOLDER)
    assert (decision["champion"], True) == (decision["version"], decision["promoted"])
    assert decision["why"].endswith(", and is the model that answers already")
    assert f"model {decision['version']} answers already, and {decision['best']} is the same" == summary._verdict(
        decision, decision["champion"]
    )


def test_a_champion_stays_while_none_is_better(copy: Path, settings: Settings) -> None:
    """A model of almost the same strength is as good; it is kept, and a word of the owner's lets it answer."""
    own = settings.model_copy(
        update={"model": settings.model.model_copy(update={"regularization": settings.model.regularization * 1.01})}
    )
    run_step(BY_NAME["fit"], own, copy)
    champion = registry.current_version(copy / registry.FOLDER)
    decision = again(copy, own, min_gain=0.01)

    assert champion == registry.current_version(copy / registry.FOLDER)
    assert (champion, False) == (decision["champion"], decision["promoted"])
    assert "it does not beat the champion by more than 0.01 beyond chance" in decision["why"]
    assert "champion" in {row["candidate"] for row in decision["slices"]} or settings.data.segment is None
    registry.promote(copy / registry.FOLDER, decision["version"])
    assert decision["version"] == registry.load(copy / registry.FOLDER, saved_as=own.model.saved_as).card.version


def test_a_lost_registry_is_begun_anew(copy: Path, settings: Settings) -> None:
    """The model that the candidates were compared with is gone, and stands in nobody's way."""
    again(copy, settings)
    shutil.rmtree(copy / registry.FOLDER)

    assert run_step(BY_NAME["promote"], settings, copy, force=True)
    assert registry.load(copy / registry.FOLDER, saved_as=settings.model.saved_as)


def test_by_hand_the_winner_waits(copy: Path, settings: Settings) -> None:
    """It is in the registry, and answers once it is promoted."""
    shutil.rmtree(copy / registry.FOLDER)
    decision = again(copy, settings, approve="hand")

    assert registry.current_version(copy / registry.FOLDER) is None
    assert f"`models promote {decision['version']}`" in decision["why"]
    assert decision["version"] == promote.waiting(copy)
    registry.promote(copy / registry.FOLDER, decision["version"])
    assert promote.waiting(copy) is None
    assert decision["version"] == again(copy, settings, approve="hand")["champion"]


def test_nothing_is_promoted_that_is_not_good_enough(copy: Path, settings: Settings) -> None:
    """The run ends well, the registry stays as it was, and the sentence tells what each candidate lacks."""
    shutil.rmtree(copy / registry.FOLDER)
    decision = again(copy, settings, min_gain=1e6)

    assert (None, None, False) == (decision["best"], decision["version"], decision["promoted"])
    assert "does not beat the dummy by more than 1e+06 beyond chance" in decision["why"]
    assert not (copy / registry.FOLDER).exists() or registry.cards(copy / registry.FOLDER) == []


def test_the_champion_answers_the_rows_that_it_has_not_seen(copy: Path, settings: Settings) -> None:
    """Trained with a smaller test share, it has learned from some of today's test rows; on those it is not asked."""
    recarded(copy, split={"test_share": settings.split.test_share / 2})
    again(copy, settings)
    rows = pd.read_parquet(copy / "artifacts" / "evaluate" / "rows.parquet")
    asked = pd.read_parquet(copy / "artifacts" / "evaluate" / "answers" / "champion.parquet")

    assert 0 < len(asked) < len(rows)
    assert set(rows["group"][asked.index]).isdisjoint(rows["group"].drop(asked.index))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": {"target": "else"}}, "was trained with data.target = 'else'"),
        ({"data": {"segment": "planet"}}, "was trained with data.segment = 'planet'"),
        ({"split": {"by": "planet"}}, "was trained on rows split by 'planet'"),
        ({"split": {"test_share": 1e-9}}, "was trained on all but 0 of these rows"),
        ({"views": "others"}, "features.py has changed since"),
        ({"libraries": {"numpy": "0.1"}}, "was fitted with numpy 0.1"),
    ],
)
def test_a_champion_that_cannot_be_compared_says_why(
    copy: Path, settings: Settings, changes: dict[str, Any], sentence: str
) -> None:
    """It answers something else, has seen the rows or cannot answer any more."""
    recarded(copy, **changes)
    rows = pd.read_parquet(copy / "artifacts" / "test_set" / "test.parquet")
    views = (copy / "artifacts" / "fit" / "views.sha256").read_text(encoding="utf-8")

    with pytest.raises(Refusal, match=sentence):
        evaluate.champion_answers(settings, copy, rows, views)


def test_a_champion_that_cannot_be_compared_is_replaced(copy: Path, settings: Settings) -> None:
    """The reason is told; whoever wins among the candidates answers."""
    models, version = copy / registry.FOLDER, recarded(copy, version="old", split={"by": "planet"})
    (models / version).rename(models / "old")
    registry.promote(models, "old")
    decision = again(copy, settings)

    assert "model old was not compared: it was trained on rows split by 'planet'" in decision["why"]
    assert version == registry.current_version(models)


def test_why_a_champion_was_not_compared_is_told_once(copy: Path, settings: Settings) -> None:
    """Its name is not doubled, and nobody is told to do what has just been done."""
    recarded(copy, data={"segment": "planet"})
    version = registry.current_version(copy / registry.FOLDER)
    why = again(copy, settings)["why"]

    assert f"; model {version} was not compared: was trained with data.segment = 'planet', and settings.toml says" in why
    assert (1, False) == (why.count(str(version)), "retrain" in why)


def test_who_was_compared_with_another_comes_too_late(copy: Path, settings: Settings) -> None:
    """A model that somebody promoted after the evaluation is not overridden by what was measured against the one before."""
    models = copy / registry.FOLDER
    version = registry.current_version(models)
    shutil.copytree(models / str(version), models / "other")
    registry.promote(models, "other")

    home = copy / "artifacts"
    with pytest.raises(promote.Overtaken, match="model other answers now, and the candidates were compared with None"):
        promote.run(settings, home, copy, home / "fit", home / "evaluate")
    assert "other" == registry.current_version(models)


def test_a_version_tells_what_changed(copy: Path, settings: Settings) -> None:
    """Another target or limit is another interface, other knobs or code another logic, other rows other data."""
    fit = copy / "artifacts" / "fit"
    before = promote.made_of("single", fit, settings)

    def bumped(name: str = "single", **changes: Any) -> set[str]:
        own = settings.model_copy(
            update={section: getattr(settings, section).model_copy(update=new) for section, new in changes.items()}
        )
        after = promote.made_of(name, fit, own)
        return {part for part in before if before[part] != after[part]}

    assert set() == bumped()
    assert {"interface"} == bumped(data={"target": "else"}) == bumped(validation={"columns": {"else": Limits(min=0)}})
    assert {"split"} == bumped(split={"test_share": 0.5})
    assert {"logic"} == bumped("dummy") == bumped(model={"regularization": 9.0}) == bumped(cascade={"band": 0.5})
    assert set() == bumped(gate={"min_gain": 0.5}) == bumped(serving={"port": 1})
    (fit / "train.sha256").write_text("others", encoding="utf-8")
    assert {"data"} == bumped()


def test_too_slow_a_model_is_passed_over(copy: Path, settings: Settings) -> None:
    """Where no row may take longer than a millionth of a millisecond, none may answer."""
    decision = again(copy, settings, max_p95_ms=1e-6)

    assert decision["best"] is None
    assert "ms for a row" in decision["why"]


def test_test_rows_are_out_of_reach() -> None:
    """No step but `evaluate` is given their folder, and nothing is fitted after it."""
    assert {"evaluate"} == {step.name for step in STEPS if "test_set" in step.needs}
    assert "test_set" not in {step.name for step in needed(STEPS, "fit")}
    assert {"promote", "report"} >= {step.name for step in STEPS if "evaluate" in step.needs}


def test_test_rows_leave_no_trace_in_training(copy: Path, settings: Settings, tmp_path: Path) -> None:
    """Whatever they say: the training set is the same, byte for byte, with their targets turned round."""
    home, name = copy / "artifacts", f"{settings.data.rows}.parquet"
    rows = pd.read_parquet(home / "validate" / name)
    test = pd.read_parquet(home / "test_set" / "test.parquet")[settings.split.by]
    held = rows[settings.split.by].isin(test)
    rows.loc[held, settings.data.target] = rows.loc[held, settings.data.target].to_numpy()[::-1]
    shutil.copytree(home / "validate", tmp_path / "validate")
    rows.to_parquet(tmp_path / "validate" / name, index=False)
    (tmp_path / "out").mkdir()
    training_set.run(settings, tmp_path / "out", tmp_path / "validate", home / "materialize")

    assert held.any()
    was, now = ((folder / "train.parquet").read_bytes() for folder in (home / "training_set", tmp_path / "out"))
    assert was == now


def test_importance_is_of_every_modality(copy: Path, settings: Settings) -> None:
    """A modality shuffled among the rows; the dummy, which reads none, has no importance."""
    measured = json.loads((copy / "artifacts" / "evaluate" / "metrics.json").read_text(encoding="utf-8"))

    assert {*measured["scores"]} - {"dummy"} == {*measured["importance"]}
    assert all({*settings.columns.by_modality()} == {*found} for found in measured["importance"].values())
    assert evaluate.FEW <= len(pd.read_parquet(copy / "artifacts" / "evaluate" / "rows.parquet"))
