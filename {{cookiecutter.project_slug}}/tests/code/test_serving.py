"""Serving: raw rows in, answers out, the same one by one, in a batch and as JSON."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest

from {{ cookiecutter.package_name }}.data.schema import SchemaError, to_json_rows
from {{ cookiecutter.package_name }}.data.sources import SourceError, read_files
from {{ cookiecutter.package_name }}.serving.batch import score
from {{ cookiecutter.package_name }}.serving.contract import RequestError, parse
from {{ cookiecutter.package_name }}.serving.predictor import Predictor

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
SAME = 1e-12


def test_an_answer_says_who_gave_it(predictor: Predictor) -> None:
    """Entity, prediction, its probability, the route and the model's version."""
    answer = predictor.answer_json([predictor.bundle.card.golden_rows[0]], NOW)

    card = predictor.bundle.card
    said = ["prediction", "probability", "route", "route_probability", "route_source", "model"]
    assert list(answer) == [card.data.entity, *said]
    assert answer["model"].tolist() == [card.version]


def test_a_row_is_answered_as_in_a_batch(rows: pd.DataFrame, predictor: Predictor) -> None:
    """Alone or among others."""
    together = predictor.answer(rows, NOW)
    alone = pd.concat([predictor.answer(rows.iloc[[n]], NOW) for n in range(len(rows))])

    pd.testing.assert_frame_equal(together, alone, rtol=0, atol=SAME)


def test_json_is_answered_as_a_frame(rows: pd.DataFrame, predictor: Predictor) -> None:
    """What a request carries as text loses nothing."""
    card = predictor.bundle.card
    fields = [name for name in rows if name in (card.data.entity, *card.columns.names)]
    text = json.dumps(to_json_rows(rows[fields], card.columns.image))

    as_json = predictor.answer_json(parse(card, text), NOW)

    pd.testing.assert_frame_equal(predictor.answer(rows[fields].reset_index(drop=True), NOW), as_json, rtol=0, atol=SAME)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_file_is_answered_as_a_frame(rows: pd.DataFrame, predictor: Predictor, tmp_path: Path, ending: str) -> None:
    """Every row of it, in its order, whatever the format of the answers."""
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    *_, last = score(predictor, tmp_path / "rows.parquet", tmp_path / f"answers.{ending}", tmp_path, NOW)
    found = read_files([tmp_path / f"answers.{ending}"])

    expected = predictor.answer(rows, NOW)
    assert last == (len(rows), len(rows))
    assert found["prediction"].astype(str).tolist() == expected["prediction"].astype(str).tolist()
    assert found[predictor.bundle.card.data.entity].tolist() == expected[predictor.bundle.card.data.entity].tolist()


def test_the_order_of_columns_is_harmless(rows: pd.DataFrame, predictor: Predictor) -> None:
    """Columns are found by name."""
    backwards = rows[rows.columns[::-1]]

    pd.testing.assert_frame_equal(predictor.answer(rows, NOW), predictor.answer(backwards, NOW))


def test_a_row_with_nothing_but_its_key_is_answered(predictor: Predictor) -> None:
    """Nulls and unknown entities are answered too, from what the model learned about missing values."""
    card = predictor.bundle.card
    keys = [{card.data.entity: 10**9 if card.key == "number" else "nobody"}]

    assert predictor.answer_json(keys, NOW)["prediction"].notna().tolist() == [True]


def test_features_come_from_the_store_unless_given(predictor: Predictor) -> None:
    """A value that was sent is used; one that was not is what the online store holds for the entity."""
    entity = predictor.bundle.card.data.entity
    rows = pd.DataFrame({entity: [row[entity] for row in predictor.bundle.card.golden_rows[:2]]})
    stored = predictor._with_features(rows, NOW)
    features = [name for name in stored if name not in rows]
    given = stored.assign(**{str(name): "given" for name in features})

    assert (predictor._with_features(given, NOW)[features] == "given").all(axis=None)


def test_an_unreadable_request_is_one_sentence(predictor: Predictor) -> None:
    """Not JSON, an unknown field, a missing key, a wrong type: the field is named."""
    card = predictor.bundle.card
    row = {card.data.entity: card.golden_rows[0][card.data.entity]}
    for text, sentence in (
        ("{", "the request is not JSON"),
        ("{}", f"row 0: '{card.data.entity}' is missing"),
        (json.dumps(row | {"nonsense": 1}), "row 0: 'nonsense' is no known field; the fields are"),
        (json.dumps([{card.data.entity: None}]), f"row 0: '{card.data.entity}' is None"),
        ("[7]", "row 0 is 7; a row is an object with the fields"),
        ("[]", "the request holds no row"),
    ):
        with pytest.raises(RequestError) as refused:
            parse(card, text)

        assert sentence in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_scored_is_one_sentence(rows: pd.DataFrame, predictor: Predictor, tmp_path: Path) -> None:
    """An absent file, a foreign ending, a missing column; no answers are left behind."""
    entity = predictor.bundle.card.data.entity
    rows[[entity]].to_parquet(tmp_path / "keys.parquet", index=False)
    rows.drop(columns=entity).to_parquet(tmp_path / "no_keys.parquet", index=False)
    for name, target, refusal, sentence in (
        ("none.csv", "out.csv", SourceError, "there is no file"),
        ("keys.parquet", "out.xlsx", SourceError, "neither .csv nor .parquet"),
        ("no_keys.parquet", "out.csv", SchemaError, f"column '{entity}' is missing"),
        ("keys.parquet", "out.csv", SchemaError, "is missing; the rows must hold"),
    ):
        with pytest.raises(refusal, match=sentence):
            list(score(predictor, tmp_path / name, tmp_path / target, tmp_path, NOW))

    assert not list(tmp_path.glob("*out*"))
