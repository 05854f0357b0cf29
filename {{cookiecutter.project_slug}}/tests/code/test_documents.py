"""The model card and the data dictionary: every figure and every meaning in them is the bundle's and the views'."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.documents import dictionary, model_card
from {{ cookiecutter.package_name }}.feature_store.views import Feature, FeatureView
from {{ cookiecutter.package_name }}.refusal import Refusal
from {{ cookiecutter.package_name }}.sections import Columns, Limits
from {{ cookiecutter.package_name }}.serving.predictor import Predictor
from {{ cookiecutter.package_name }}.settings import Settings

VIEW = FeatureView(
    name="visits",
    entity="user_id",
    sql="SELECT 1",
    features=(Feature("pages", "float", "Pages | of a visit", unit="pages", pii=True),),
    description="How much a user looks around",
    owner="shop@example.com",
)


def told(text: str) -> list[list[str]]:
    """The cells of every row of every table; a bar that is written with a backslash parts none."""
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("|")]


def test_the_card_tells_what_the_bundle_says(predictor: Predictor) -> None:
    """Its version, its columns, each score with its interval, its libraries; and whether it answers."""
    card = predictor.bundle.card
    text = model_card(card, answers=True)
    cells = told(text)

    assert f"# Model {card.version}" == text.splitlines()[0]
    assert "It answers now." in text
    assert "It does not answer now." in model_card(card, answers=False)
    assert {f"`{name}`" for name in card.columns.names} <= {row[0] for row in cells}
    assert card.measured is not None
    for name, (score, low, high) in card.measured.parts.items():
        assert [name, f"{score:.3f}", f"{low:.3f} to {high:.3f}"] in cells
    assert ["library scikit-learn", card.libraries["scikit-learn"]] in cells


def test_the_card_tells_what_a_feature_means(predictor: Predictor) -> None:
    """In the words of the views, where the model reads it."""
    card = predictor.bundle.card
    feature = Feature(card.columns.names[0], "float", "As nobody else says it")

    rows = [row for row in told(model_card(card, True, [replace(VIEW, features=(feature,))])) if row[0] == f"`{feature.name}`"]
    assert ["As nobody else says it"] == [row[-1] for row in rows]


def test_a_card_without_golden_rows_tells_nobodys_data(predictor: Predictor) -> None:
    """What stands in the bundle's own card for its proof is not printed."""
    text = model_card(predictor.bundle.card, answers=True)

    assert "golden" not in text
    assert str(predictor.bundle.card.golden_rows[0]) not in text


def test_the_dictionary_tells_what_owners_said(settings: Settings) -> None:
    """Meaning, unit, range, null and pii, of the view or of the settings; a bar in a meaning breaks no table."""
    limits = {"age": Limits(min=0, max=120, unit="years", null=False)}
    ours = settings.model_copy(
        update={
            "columns": Columns(numbers=("age", "pages")),
            "validation": settings.validation.model_copy(update={"columns": limits}),
        }
    )
    cells = told(dictionary(ours, [VIEW], {"visits": pa.schema({"age": pa.int64(), "note": pa.string()})}))

    assert ["`age`", "a number", "years", "0 to 120", "no", ""] in cells
    assert ["`pages`", "a number", "pages", "", "yes", r"Pages \| of a visit"] in cells
    assert ["`pages`", "float", "pages", "yes", r"Pages \| of a visit"] in cells
    assert [["`age`", "int64"], ["`note`", "string"]] == cells[-2:]
    assert "a value holds for ever; owner: shop@example.com" in dictionary(ours, [VIEW], {})
    assert "## View" not in dictionary(ours, [], {})
    assert "## View looks" in dictionary(ours, [replace(VIEW, name="looks")], {})


def test_the_words_write_files(root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Into a folder that they make; an ending that is no page's, and a model that there is not, are refused."""
    monkeypatch.chdir(root)
    for word in ("card", "dictionary"):
        CliRunner().invoke(app, [word, str(tmp_path / "made" / f"{word}.md")], catch_exceptions=False)

        assert (tmp_path / "made" / f"{word}.md").read_text(encoding="utf-8").startswith("# ")
    listed = (tmp_path / "made" / "dictionary.md").read_text(encoding="utf-8")
    assert {f"## Raw table {name}" for name in settings.tables} <= set(listed.splitlines())
    with pytest.raises(Refusal, match="give it the ending"):
        CliRunner().invoke(app, ["card", "card.txt"], catch_exceptions=False)
    with pytest.raises(Refusal, match="there is no model 'x'"):
        CliRunner().invoke(app, ["card", "--version", "x"], catch_exceptions=False)
